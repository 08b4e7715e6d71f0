"""Engines that run a deployed file or its PyTorch original, behind one interface."""

from mmseg_splashkd.deploy.engines.engine import Engine, checked_frames
from mmseg_splashkd.deploy.engines.opening import (
    ENGINES,
    default_engine,
    engines_of,
    installed,
    open_engine,
)
from mmseg_splashkd.deploy.engines.pytorch import PYTORCH, open_pytorch

__all__ = [
    "ENGINES",
    "PYTORCH",
    "Engine",
    "checked_frames",
    "default_engine",
    "engines_of",
    "installed",
    "open_engine",
    "open_pytorch",
]
