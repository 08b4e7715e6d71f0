"""Checks that the libraries are installed which types of a config come from."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmseg.models.backbones import TIMMBackbone

from mmseg_splashkd.config.types import is_a, type_name
from mmseg_splashkd.extras import import_extra
from mmseg_splashkd.models import SMPSegmentor, TransformersSegmentor

EXTRAS = {  # package -> extra
    "mmpretrain": "mmpretrain",
    "segmentation_models_pytorch": "smp",
    "timm": "timm",
    "transformers": "transformers",
}
CLASSES = {  # segmentor or backbone -> package that it takes networks from
    TIMMBackbone: "timm",
    SMPSegmentor: "segmentation_models_pytorch",
    TransformersSegmentor: "transformers",
}


def check_extras(cfg: Config) -> None:
    """Check that each library of ``EXTRAS`` that a config names can be imported.

    A library is named by a type such as ``'timm.optim.AdamP'``, or by a class of
    ``CLASSES``.

    Raises:
        ImportError: One cannot; the message names the key and the extra.
    """
    for key, part in _typed("", cfg.to_dict()):
        package = _package(part)
        if package in EXTRAS:
            what = f"{key}.type={type_name(part)!r} and other types of {package}"
            import_extra(package, what, EXTRAS[package])


def _package(part: Mapping[str, Any]) -> str:
    for wanted, package in CLASSES.items():
        if is_a(part, wanted):
            return package
    kind = part["type"]
    return kind.partition(".")[0] if isinstance(kind, str) and "." in kind else ""


def _typed(key: str, value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        if "type" in value:
            yield key, value
        for name, child in value.items():
            yield from _typed(f"{key}.{name}".lstrip("."), child)
    elif isinstance(value, (list, tuple)):
        for index, child in enumerate(value):
            yield from _typed(f"{key}[{index}]", child)
