"""Frames of four channels and 16 bits: train, test, paint, check."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.config.faults import ConfigError
from mmseg_splashkd.report.dataset.check import check_dataset
from mmseg_splashkd.runs.test import evaluate
from mmseg_splashkd.runs.train import train
from tests.photos import draw_photos, write_config

# Values of 12 bits in 16, blue first, and near infrared.
DEEP = """
pipeline[0].update(color_type="unchanged", imdecode_backend="cv2")
for each in (train_dataloader, val_dataloader):
    each["dataset"]["img_suffix"] = ".png"
model["data_preprocessor"].update(
    type="MultiChannelPreProcessor", mean=[2040.0] * 4, std=[960.0] * 4
)
model["backbone"] = dict(
    type="ChannelAdapter", in_channels=4, backbone=model["backbone"]
)
custom_imports = dict(imports=["mmseg_splashkd"])
"""


@pytest.fixture(scope="module")
def deep(tmp_path_factory) -> Path:
    """The photos with four channels of 16 bits."""
    folder = draw_photos(tmp_path_factory.mktemp("deep"))
    for path in sorted(folder.glob("img_dir/*/*.jpg")):
        colours: Any = cv2.imread(str(path))
        bgr = colours.astype(np.uint16) * 16
        infrared = 4080 - bgr[..., :1]
        pixels = np.concatenate([bgr, infrared], axis=2)
        cv2.imwrite(str(path.with_suffix(".png")), pixels)
        path.unlink()
    return folder


def test_trains_tests_and_paints(deep, tmp_path):
    config = write_config(tmp_path / "deep.py", deep, DEEP)
    run = train(config, tmp_path / "run")
    weights = str(run / "weights_*_last.safetensors")
    evaluate(config, weights, show_dir=tmp_path / "painted")
    painted = sorted((tmp_path / "painted").rglob("*.png"))
    assert len(painted) == 4
    frame = np.asarray(Image.open(painted[0]).convert("RGB"))[:24, :32]
    # Spread over 0 to 255, where Pillow alone would cut at 255 of 4080.
    assert frame.min() < 10
    assert frame.max() > 245
    assert 50 < frame.mean() < 200


def test_a_wrong_number_of_channels_ends_the_run_before_its_first_step(deep, tmp_path):
    three = 'model["data_preprocessor"].update(mean=[0.0] * 3, std=[1.0] * 3)'
    config = write_config(tmp_path / "deep.py", deep, DEEP + three)
    message = r"of 3 channels, frame .*leaf_\d\.png has 4: give 4 of both"
    with pytest.raises((ConfigError, ValueError), match=message):
        train(config, tmp_path / "run")


def test_the_data_check_judges_what_the_pipeline_reads(deep, tmp_path):
    config = write_config(tmp_path / "deep.py", deep, DEEP)
    out = tmp_path / "page.html"
    codes = {each.code for each in check_dataset(config, out=out).findings}
    assert not codes & {"deep_image", "constant_frame", "several_layouts"}
    plain = DEEP.replace('color_type="unchanged", ', "")
    config = write_config(tmp_path / "plain.py", deep, plain)
    assert "deep_image" in {
        each.code for each in check_dataset(config, out=out).findings
    }
