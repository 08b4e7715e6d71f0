"""Caches that the first release built are still read."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_splashkd.datasets.views import View
from mmseg_splashkd.teacher_cache import use_teacher_cache
from mmseg_splashkd.teacher_cache.fingerprint import versions
from mmseg_splashkd.teacher_cache.store import HEADER, LogitStore
from tests.teacher_cache.format_1 import run


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """The files of the run, and its cache as if built with today's libraries."""
    root = tmp_path_factory.mktemp("format_1")
    init_default_scope("mmseg")
    run.write_files(root)
    (root / "cache").mkdir()
    for name in (HEADER, "answers.npy", "digests.npy"):
        shutil.copy(run.FOLDER / name, root / "cache" / name)
    header = json.loads((root / "cache" / HEADER).read_text())
    header |= {"versions": versions(None)}
    (root / "cache" / HEADER).write_text(json.dumps(header))
    return root


def scoped(config: Any) -> Any:
    """The same config with every type of MMSegmentation spelt with its scope."""
    if isinstance(config, dict):
        return {
            key: f"mmseg.{value}" if key == "type" and value != "BN" else scoped(value)
            for key, value in config.items()
        }
    return [scoped(item) for item in config] if isinstance(config, list) else config


@pytest.mark.filterwarnings("ignore:.*is deprecated in `TimeSplitDataset")
@pytest.mark.parametrize(
    "names", [(), ("ann_file", "label_map")], ids=["today's names", "former names"]
)
def test_an_old_cache_of_an_unchanged_run_is_used(root, names):
    assert use_teacher_cache(run.config(root, *names)) == []


def test_scoped_types_are_the_same_run(root):
    cfg = run.config(root)
    for key in ("model", "train_dataloader"):
        cfg[key] = scoped(cfg[key].to_dict())
    assert use_teacher_cache(cfg) == []


def test_the_logits_of_an_old_cache_are_read_by_every_view(root):
    cfg = run.config(root)
    use_teacher_cache(cfg)
    views = DATASETS.build(cfg.train_dataloader.dataset)
    store = LogitStore(root / "cache")
    for frame in range(2):
        for visit in range(2):
            sample = views[View(frame, visit, 0)]["data_samples"]
            assert (
                sample.teacher_logits.data.numpy() == store.logits[frame, visit]
            ).all()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train_dataloader.dataset.dataset.pipeline.2.prob", 0.25),
        ("train_dataloader.dataset.dataset.label_coding", "camvid"),
        ("model.teacher.decode_head.align_corners", True),
        ("model.student.data_preprocessor.bgr_to_rgb", False),
        ("teacher_cache.view_seed", 1),
    ],
)
def test_an_old_cache_of_a_changed_run_is_refused(root, key, value):
    cfg = run.config(root)
    cfg.merge_from_dict({key: value})
    with pytest.raises(ValueError, match="does not fit this run"):
        use_teacher_cache(cfg)


def test_the_former_name_of_the_data_set_is_removed_from_dumped_configs(root):
    cfg = run.config(root)
    frames = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(frames, type="AnsweredViewDataset", answers="x")
    use_teacher_cache(cfg)
    assert cfg.train_dataloader.dataset["cache_dir"] == str(root / "cache")
    assert "answers" not in cfg.train_dataloader.dataset
