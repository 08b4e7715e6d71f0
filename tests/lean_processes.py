"""Environment of processes that train or test, as of an installation without extras.

MMEngine and MMSegmentation import Transformers and Albumentations where they find them,
which is a fifth of the start of a process. The tests' own process imports both.
"""

import os
from pathlib import Path

from tests.conftest import ROOT

FOLDER = Path(__file__).with_name("lean")  # of a sitecustomize.py


def lean(**changes: str) -> dict[str, str]:
    """The environment of this process with changes, and without these two libraries."""
    return os.environ | {"PYTHONPATH": paths()} | changes


def paths() -> str:
    """``PYTHONPATH`` of such a process."""
    given = [str(FOLDER), str(ROOT), os.environ.get("PYTHONPATH")]
    return os.pathsep.join(filter(None, given))
