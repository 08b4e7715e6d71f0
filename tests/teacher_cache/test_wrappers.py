"""A cache of frames inside wrappers holds the logits of every view."""

import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATASETS, MODELS

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.walk import loader_leaves
from mmseg_splashkd.datasets.views import View
from mmseg_splashkd.teacher_cache import build_teacher_cache, use_teacher_cache
from mmseg_splashkd.teacher_cache.store import read_header
from tests.conftest import DISTILLED

KEY = "train_dataloader.dataset"


def wrapped(options: dict, times: int) -> dict:
    """Views of the first three frames, repeated, and of the first two."""
    (frames,) = loader_leaves(read_config(DISTILLED, options), "train_dataloader")
    few, fewer = ({**frames, "indices": count} for count in (3, 2))
    repeated = {"type": "RepeatDataset", "times": times, "dataset": few}
    both = {"type": "ConcatDataset", "datasets": [repeated, fewer]}
    return {KEY: {"_delete_": True, "type": "ViewDataset", "dataset": both}}


@pytest.fixture(scope="module")
def options(distil_options, tmp_path_factory) -> dict:
    """Options of a tiny distillation with a finished cache of 8 frames."""
    cache = tmp_path_factory.mktemp("wrapped") / "cache"
    options = distil_options | {"teacher_cache.dir": str(cache)}
    options |= {"teacher_cache.views": 2, "data_check": {"allow": ["no_splash"]}}
    options |= wrapped(options, times=2)
    build_teacher_cache(DISTILLED, cfg_options=options)
    return options


def test_cached_logits_are_those_of_the_view_that_is_drawn(options):
    assert read_header(options["teacher_cache.dir"])["shape"][:2] == [8, 2]
    cfg = read_config(DISTILLED, options)
    online = MODELS.build(cfg.model)
    online.load_teacher()
    online.eval()
    use_teacher_cache(cfg)
    views = DATASETS.build(cfg.train_dataloader.dataset)
    samples = [views[View(index, 1, 0)] for index in range(len(views))]
    data = online.data_preprocessor(pseudo_collate(samples), True)
    logits = online.teacher_logits(data["inputs"])
    expected = (logits[:, 1:] - logits[:, :1]).numpy()
    stored = np.stack([s["data_samples"].teacher_logits.data.numpy() for s in samples])
    assert np.allclose(stored, expected, rtol=1e-3, atol=1e-3)
    assert len({sample["inputs"].numpy().tobytes() for sample in samples}) > 4


def test_a_cache_does_not_fit_other_repetitions(options):
    cfg = read_config(DISTILLED, options)
    cfg.train_dataloader.dataset.dataset.datasets[0].times = 3
    with pytest.raises(ValueError, match="another pipeline, another frames"):
        use_teacher_cache(cfg)


def test_a_cache_fits_the_same_frames_in_another_place(options, pond, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(pond)
    cfg = read_config(DISTILLED, options | {"data_root": str(link)})
    assert use_teacher_cache(cfg) == []
    assert cfg.train_dataloader.dataset.type == "CachedLogitsDataset"


def test_a_cache_that_is_set_directly_is_found_inside_wrappers(options):
    cfg = read_config(DISTILLED, options)
    use_teacher_cache(cfg)
    cached = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = {
        "type": "RepeatDataset",
        "times": 2,
        "dataset": cached,
    }
    cfg.teacher_cache = cfg.model.teacher_cache = None
    with pytest.raises(ValueError, match="has no teacher_cache to check it by"):
        use_teacher_cache(cfg)


def test_views_inside_a_wrapper_and_other_samplers_are_named(options):
    cfg = read_config(DISTILLED, options)
    views = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = {
        "type": "RepeatDataset",
        "times": 2,
        "dataset": views,
    }
    message = "around all other data sets, a ViewDataset; it has sampler ViewSampler"
    with pytest.raises(ValueError, match=f"{message} and dataset RepeatDataset"):
        use_teacher_cache(cfg)
    cfg.train_dataloader.dataset = views
    cfg.train_dataloader.pop("sampler")
    cfg.train_dataloader.batch_sampler = {"type": "BatchSampler"}
    with pytest.raises(ValueError, match="it has sampler None and dataset ViewDataset"):
        use_teacher_cache(cfg)
