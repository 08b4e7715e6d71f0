"""The coding of a foreign data set is what its pipeline makes of a label."""

import numpy as np
import pytest
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from mmseg_splashkd.config.leaf_coding import leaf_coding

CLASSES = ["ground", "leaf", "stone"]
SETS = {
    "plain": {"type": "BaseSegDataset", "metainfo": {"classes": CLASSES}},
    "from one": {
        "type": "BaseSegDataset",
        "metainfo": {"classes": CLASSES},
        "reduce_zero_label": True,
    },
    "some classes": {
        "type": "CityscapesDataset",
        "metainfo": {"classes": ["car", "road"]},
    },
    "ADE": {"type": "ADE20KDataset"},
    "own table": {
        "type": "BaseSegDataset",
        "metainfo": {"classes": CLASSES},
        "pipeline": [
            {"type": "LoadGrayLabels", "gray_to_train_id": {0: 2, 7: 0, 9: 255}}
        ],
    },
}


@pytest.mark.parametrize("name", SETS)
def test_labels_are_read_as_the_pipeline_reads_them(tmp_path, name):
    config, path = SETS[name], tmp_path / "label.png"
    coding = leaf_coding(config)
    values = [0, 7, 9] if name == "own table" else range(256)
    gray = np.array([values, values], np.uint8)
    Image.fromarray(gray).save(path)
    step = (config.get("pipeline") or [{"type": "LoadAnnotations"}])[0]
    dataset = DATASETS.build({**config, "pipeline": [], "lazy_init": True})
    info = {
        "seg_map_path": str(path),
        "label_map": dataset.label_map,
        "reduce_zero_label": dataset.reduce_zero_label,
        "seg_fields": [],
    }
    loaded = TRANSFORMS.build(step).transform(info)["gt_seg_map"]
    loaded = np.where(loaded < len(coding.classes), loaded, 255)
    assert np.array_equal(coding.to_train_ids(gray, "label"), loaded)
    assert list(coding.classes) == list(dataset.metainfo["classes"])


def test_colours_are_those_of_the_data_set_and_all_different():
    palette = [[0, 0, 0], [9, 9, 9], [9, 9, 9]]
    metainfo = {"classes": CLASSES, "palette": palette}
    coding = leaf_coding({"type": "BaseSegDataset", "metainfo": metainfo})
    assert coding.palette[:2] == ((0, 0, 0), (9, 9, 9))
    assert len({*coding.palette, coding.ignore_colour}) == 4


def test_a_data_set_without_class_names_is_refused():
    with pytest.raises(ValueError, match="BaseSegDataset has no class names"):
        leaf_coding({"type": "BaseSegDataset"})
