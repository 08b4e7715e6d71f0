from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.apis import inference_model, init_model
from mmseg.registry import TRANSFORMS

from mmseg_splashkd.datasets import LoadGrayLabels
from tests.conftest import CONFIGS
from tests.datasets.builders import splash_label, write_label


@pytest.fixture
def sample(tmp_path: Path) -> dict:
    path = tmp_path / "label.png"
    write_label(path, splash_label(2))
    return {"seg_map_path": str(path), "seg_fields": [], "label_map": {0: 0, 255: 1}}


def test_adds_train_ids_for_the_transforms_that_follow(sample: dict):
    loaded = TRANSFORMS.build({"type": "LoadGrayLabels"})(sample)
    assert loaded["seg_fields"] == ["gt_seg_map"]
    assert loaded["gt_seg_map"].dtype == np.uint8
    np.testing.assert_array_equal(loaded["gt_seg_map"], splash_label(2) // 255)


def test_own_table_takes_precedence_over_that_of_the_data_set(sample: dict):
    typed: dict = {"0": "4", "255": "255"}
    loaded = LoadGrayLabels(gray_to_train_id=typed).transform(sample)
    np.testing.assert_array_equal(np.unique(loaded["gt_seg_map"]), [4, 255])


def test_own_table_is_validated(sample: dict):
    with pytest.raises(ValueError, match="gray_to_train_id maps 0 to 256"):
        LoadGrayLabels(gray_to_train_id={0: 256})
    with pytest.raises(ValueError, match=r"label\.png: .* 0 \(176 pixels\), 255 \(16 "):
        LoadGrayLabels(gray_to_train_id={})(sample)


@pytest.mark.parametrize("given", [{}, {"label_map": None}], ids=["absent", "None"])
def test_error_without_any_table_names_the_remedy(sample: dict, given: dict):
    del sample["label_map"]
    with pytest.raises(ValueError, match="no label_map: give gray_to_train_id"):
        LoadGrayLabels()(sample | given)


def test_error_names_an_unknown_value_and_the_sample_is_unchanged(sample: dict):
    sample["label_map"] = {0: 0}
    with pytest.raises(ValueError, match=r"label\.png: .* 255 \(16 pixels\)"):
        LoadGrayLabels()(sample)
    assert "gt_seg_map" not in sample
    assert sample["seg_fields"] == []


def test_error_names_a_missing_label(sample: dict):
    Path(sample["seg_map_path"]).unlink()
    message = f"label {sample['seg_map_path']} cannot be read"
    with pytest.raises(ValueError, match=message):
        LoadGrayLabels()(sample)


def test_missing_label_becomes_255_if_the_data_set_requires_it():
    frame = {"img": np.zeros((4, 6, 3), np.uint8), "seg_fields": []}
    loaded = LoadGrayLabels().transform({**frame, "ignore_missing_label": True})
    assert loaded["seg_fields"] == ["gt_seg_map"]
    assert loaded["gt_seg_map"].dtype == np.uint8
    np.testing.assert_array_equal(loaded["gt_seg_map"], np.full((4, 6), 255))

    alone = {"img": np.zeros((4, 6, 3), np.uint8), "seg_fields": []}
    assert "gt_seg_map" not in LoadGrayLabels().transform(alone)
    assert alone["seg_fields"] == []


def test_mmseg_inference_runs_with_the_label_loading_pipeline(pond):
    config = Config.fromfile(CONFIGS / "demo" / "segformer_b0_pond.py")
    config.test_pipeline[1].scale = (80, 64)
    assert "LoadGrayLabels" in {step.type for step in config.test_pipeline}
    model = init_model(config, device="cpu")
    frame = next((pond / "images").iterdir())
    result: Any = inference_model(model, str(frame))
    assert result.pred_sem_seg.shape == (64, 80)
