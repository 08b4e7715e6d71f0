"""What of a test a deployed file repeats, and what is refused by name."""

from typing import Any

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.deploy.pipeline import trained_size
from tests.conftest import PLAIN, tiny_run

LOAD, PACK = {"type": "LoadImageFromFile"}, {"type": "PackSegInputs"}
RESIZE = {"type": "Resize", "scale": (192, 128), "keep_ratio": False}


def config(*steps: dict[str, Any]) -> Config:
    leaf = {"type": "TimeSplitDataset", "split": "val", "pipeline": list(steps)}
    return Config({"val_dataloader": {"dataset": leaf}})


def test_the_size_is_height_and_width(pond):
    assert trained_size(config(LOAD, RESIZE, PACK)) == (128, 192)
    assert trained_size(config(LOAD, {"type": "LoadGrayLabels"}, PACK)) is None
    assert trained_size(read_config(PLAIN, tiny_run(pond, "model"))) == (128, 192)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((LOAD, {"type": "Pad", "size": (8, 8)}), "Pad in the pipeline .* cannot be"),
        ((LOAD, {**RESIZE, "keep_ratio": True}), "depends on the frame"),
        ((LOAD, {"type": "Resize", "scale_factor": 0.5}), "depends on the frame"),
        ((LOAD, {**RESIZE, "interpolation": "area"}), "interpolation='area' of Resize"),
        (({**LOAD, "color_type": "grayscale"}, RESIZE), "color_type='grayscale'"),
        ((LOAD, {**RESIZE, "backend": "pillow"}), "backend='pillow' of Resize"),
        ((LOAD, RESIZE, RESIZE), "has 2 Resize"),
        (({"type": "LoadClip"}, RESIZE), "a deployed file reads single frames"),
    ],
)
def test_other_pipelines_are_refused(steps, words):
    with pytest.raises(ValueError, match=words):
        trained_size(config(*steps, PACK))
