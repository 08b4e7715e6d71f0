"""Run by Python at the start of a process; see ``tests/lean_processes.py``."""

import sys

for name in ("albumentations", "transformers"):
    sys.modules[name] = None  # type: ignore[assignment] - its import raises an error
