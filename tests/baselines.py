"""The configs of ``configs/baselines`` with small networks."""

import copy
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from benchmarks.short_runs import shrink
from mmseg_splashkd.config.reading import read_config
from tests.conftest import CONFIGS

FOLDER = CONFIGS / "baselines"
LIBRARIES = {  # type of a part -> library
    "SMPSegmentor": "segmentation_models_pytorch",
    "TIMMBackbone": "timm",
    "TransformersSegmentor": "transformers",
    "timm.optim.AdamP": "timm",
}


@functools.cache
def _read(path: Path) -> Config:
    return read_config(path)


def shipped(path: Path) -> Config:
    """A config as it is shipped, read once; its test is skipped without its extra."""
    for library, mark in (
        ("timm", 'type="TIMMBackbone"'),
        ("mmpretrain", '"mmpretrain'),
    ):
        if mark in _text(path):
            pytest.importorskip(library)
    return copy.deepcopy(_read(path))


def _text(path: Path) -> str:
    """Text of a file and of the files that it inherits."""
    text = path.read_text()
    names = re.findall(r'"(\.{1,2}/[\w/.-]+\.py)"', text)
    return text + "".join(_text(path.parent / name) for name in names)


def baseline(name: str) -> Config:
    """A config of ``configs/baselines``."""
    return shipped(FOLDER / f"{name}.py")


def small_baseline(name: str) -> Config:
    """A config with a small network; its test is skipped without its library."""
    cfg = baseline(name)
    for library in libraries(cfg.to_dict()):
        pytest.importorskip(library)
    shrink(cfg.model)
    return cfg


def libraries(node: Any) -> Iterator[str]:
    """Libraries that a config needs."""
    if isinstance(node, dict):
        if isinstance(node.get("type"), str) and node["type"] in LIBRARIES:
            yield LIBRARIES[node["type"]]
        node = list(node.values())
    for each in node if isinstance(node, list | tuple) else ():
        yield from libraries(each)
