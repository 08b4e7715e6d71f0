"""Checks that the libraries of a model are installed, before it is built."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from mmengine.config import Config
from mmseg.models.backbones import TIMMBackbone

from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.extras import import_extra

MMPRETRAIN = "mmpretrain"
MODELS_OF_MMPRETRAIN = "mmpretrain.models"  # imports and registers them


def check_extras(cfg: Config) -> None:
    """Check the libraries that parts of the model are from: timm and mmpretrain.

    Our own adapters check theirs when they are built.

    Raises:
        ImportError: One is not installed; the message names the extra.
    """
    for part in _parts(cfg.get("model")):
        if is_a(part, TIMMBackbone):
            import_extra("timm", "backbones of timm", "timm")
        kind = part.get("type")
        if isinstance(kind, str) and kind.startswith(f"{MMPRETRAIN}."):
            import_extra(MODELS_OF_MMPRETRAIN, "models of mmpretrain", MMPRETRAIN)


def check_optimizer(cfg: Config) -> None:
    """Check the library of an optimizer such as ``'timm.optim.AdamP'``.

    Raises:
        ImportError: It is not installed; the message names the extra.
    """
    for part in _parts(cfg.get("optim_wrapper")):
        kind = part.get("type")
        if isinstance(kind, str) and kind.startswith("timm."):
            import_extra("timm", "optimizers of timm", "timm")


def missing_extra(error: ImportError) -> str:
    """What to install, for an import that ``custom_imports`` names; else empty."""
    if MMPRETRAIN in str(error) and find_spec(MMPRETRAIN) is None:
        return f"models of {MMPRETRAIN} need it: pip install -e '.[{MMPRETRAIN}]'"
    return ""


def _parts(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _parts(each)
