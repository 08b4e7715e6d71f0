"""Makes torchvision, and the libraries that need it, importable for the tests.

``make test`` installs them into a folder of their own. The compiled operators of the
published torchvision do not load beside a CPU build of torch, and two of them are named
on import: their schemas are enough for models.
"""

import sys
from collections.abc import Iterable
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import Distribution, DistributionFinder, MetadataPathFinder
from pathlib import Path

import torch

FOLDER = Path(sys.prefix, "with_torchvision")
SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class Apart:
    """Finds modules in the folder; processes that a test starts do not get it."""

    @staticmethod
    def find_spec(name: str, path=None, target=None) -> ModuleSpec | None:
        found = path is None and PathFinder.find_spec(name, [str(FOLDER)], target)
        return found or None

    @staticmethod
    def find_distributions(context) -> Iterable[Distribution]:
        return MetadataPathFinder.find_distributions(
            DistributionFinder.Context(name=context.name, path=[str(FOLDER)])
        )


if FOLDER.is_dir():
    sys.meta_path.append(Apart)  # type: ignore[arg-type]
_declared = None  # kept, since the operators go with it
try:
    import torchvision  # noqa: F401  # type: ignore[import-not-found]
except ImportError:  # pragma: no cover
    pass
except RuntimeError:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    _declared = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        _declared.define(name + SCHEMA)
