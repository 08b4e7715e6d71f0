"""Sweeps: train every ratio, fold and seed as a graph of Ray tasks."""

import os
from importlib.util import find_spec

if missing := [name for name in ("ray", "optuna") if find_spec(name) is None]:
    raise ImportError(
        f"a sweep needs {' and '.join(missing)}: pip install -e '.[sweep]' (in "
        f"mmseg_splashkd)"
    )
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when Ray starts
