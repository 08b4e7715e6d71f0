"""The configs of ``configs/baselines`` with small networks."""

import copy
import functools
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


def baseline(name: str) -> Config:
    """A config as it is shipped."""
    return copy.deepcopy(_read(FOLDER / f"{name}.py"))


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
