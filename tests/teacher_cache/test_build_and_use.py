"""A cache gives the losses of the online teacher, or the run is refused."""

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS, MODELS

from mmseg_splashkd.checkpoint import read_checkpoint, write_weights
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.datasets.views import View
from mmseg_splashkd.runs.train import train
from mmseg_splashkd.teacher_cache import (
    build_teacher_cache,
    use_teacher_cache,
)
from mmseg_splashkd.teacher_cache.build import view_pass
from mmseg_splashkd.teacher_cache.fingerprint import fingerprint, unread_frames
from mmseg_splashkd.teacher_cache.options import cache_options, remove_cache
from mmseg_splashkd.teacher_cache.store import (
    LogitStore,
    locked,
    read_header,
    write_header,
)
from tests.conftest import BEST, DISTILLED, PLAIN, tiny_run
from tests.forks import fork
from tests.tools import run_tool

PIPELINE = "train_dataloader.dataset.dataset.pipeline"
LOAD = [{"type": "LoadImageFromFile"}, {"type": "LoadGrayLabels"}]
PACK = {"type": "PackSegInputs"}
RESIZE = {"type": "Resize", "scale": (80, 64), "keep_ratio": False}
ELASTIC = {"type": "ElasticTransform", "alpha": 20, "sigma": 4, "p": 1.0}
PIPELINES = {
    "flip": [RESIZE, {"type": "RandomFlip", "prob": 0.5}],
    "flips both ways": [
        RESIZE,
        {
            "type": "RandomFlip",
            "prob": [0.3, 0.3],
            "direction": ["horizontal", "vertical"],
        },
    ],
    "resize and crop": [
        {
            "type": "RandomResize",
            "scale": (80, 64),
            "ratio_range": (0.8, 2.0),
            "keep_ratio": True,
        },
        {"type": "RandomCrop", "crop_size": (48, 56), "cat_max_ratio": 0.75},
    ],
    "rotation": [RESIZE, {"type": "RandomRotate", "prob": 0.8, "degree": 30}],
    "colour": [RESIZE, {"type": "PhotoMetricDistortion"}],
    "elastic": [RESIZE, {"type": "Albumentations", "transforms": [ELASTIC]}],
    "all": [
        {"type": "RandomResize", "scale": (80, 64), "ratio_range": (1.0, 2.0)},
        {"type": "RandomRotate", "prob": 0.5, "degree": 10},
        {"type": "RandomCrop", "crop_size": (48, 56)},
        {"type": "RandomFlip", "prob": 0.5},
        {"type": "PhotoMetricDistortion"},
    ],
}
OF_LABELS = {
    "model.teacher": "labels",
    "model.teacher_checkpoint": None,
    "model.teacher_gate": None,
}


class Unseeded:
    """A transform whose random numbers are its own."""

    def __init__(self) -> None:
        self.generator = np.random.default_rng(0)

    def __call__(self, results: dict) -> dict:
        shift = int(self.generator.integers(1, 256))
        return results | {"img": results["img"] + np.uint8(shift)}


@pytest.fixture(scope="module")
def cached(distil_options, tmp_path_factory) -> dict:
    """Options of a tiny distillation with a finished cache of two views per frame."""
    options = distil_options | {
        "teacher_cache.dir": str(tmp_path_factory.mktemp("cached") / "cache"),
        "teacher_cache.views": 2,
    }
    build_teacher_cache(DISTILLED, cfg_options=options, batch_size=5)
    return options


@pytest.fixture
def copied(cached, tmp_path) -> dict:
    """The same with a copy of the cache, which a test may change."""
    shutil.copytree(cached["teacher_cache.dir"], tmp_path / "cache")
    return cached | {"teacher_cache.dir": str(tmp_path / "cache")}


def both(options: dict) -> tuple[Any, Any, Any]:
    """The online and the cached model with one student, and the cached views."""
    init_default_scope("mmseg")
    cfg = read_config(DISTILLED, options)
    online = MODELS.build(cfg.model)
    online.load_teacher()
    use_teacher_cache(cfg)
    offline = MODELS.build(cfg.model)
    offline.load_teacher()
    offline.load_state_dict(online.state_dict())
    return online.train(), offline.train(), DATASETS.build(cfg.train_dataloader.dataset)


def terms(model: Any, samples: list[dict]) -> dict[str, torch.Tensor]:
    """Losses of a batch, with equal dropout in both models."""
    torch.manual_seed(0)
    data = model.data_preprocessor(pseudo_collate(samples), True)
    return model(**data, mode="loss")


@pytest.mark.parametrize(
    ("name", "store"), [*((name, "margin") for name in PIPELINES), ("all", "logits")]
)
def test_loss_from_the_cache_is_that_of_the_teacher_on_the_same_view(
    distil_options, tmp_path, name, store
):
    options = distil_options | {
        "teacher_cache.dir": str(tmp_path / "cache"),
        "teacher_cache.views": 3,
        "teacher_cache.store": store,
        "model.student.decode_head.ratio": 1.0,  # the embedding drowns the rest
        PIPELINE: [*LOAD, *PIPELINES[name], PACK],
    }
    build_teacher_cache(DISTILLED, cfg_options=options)
    online, offline, views = both(options)
    header = read_header(options["teacher_cache.dir"])
    assert header["shape"][2] == {"margin": 1, "logits": 2}[store]

    looks = set()
    for visit in range(3):
        samples = [views[View(frame, visit, 0)] for frame in (0, 7, 21)]
        looks.add(samples[0]["inputs"].numpy().tobytes())
        expected, actual = terms(online, samples), terms(offline, samples)
        assert expected.keys() == actual.keys()
        online_term, cached_term = expected["distill"].item(), actual["distill"].item()
        assert cached_term == pytest.approx(online_term, rel=2e-3, abs=1e-6)
        assert actual["loss_label"].item() == expected["loss_label"].item()
    assert len(looks) > 1  # the views differ


def test_a_cached_teacher_saw_the_images_in_its_own_normalisation(
    distil_options, tmp_path
):
    own = {"model.teacher.data_preprocessor.mean": [90.0, 100.0, 110.0]}
    options = distil_options | own | {"teacher_cache.views": 1}
    options |= {"teacher_cache.dir": str(tmp_path / "cache")}
    options |= {"model.teacher_gate.allow": ["floor", "normalisation"]}
    build_teacher_cache(DISTILLED, cfg_options=options)
    online, offline, views = both(options)
    samples = [views[View(frame, 0, 0)] for frame in (0, 7)]

    expected, actual = (terms(model, samples)["distill"] for model in (online, offline))
    assert actual.item() == pytest.approx(expected.item(), rel=2e-3, abs=1e-6)
    online.teachers.take_images_of(online.teacher)  # as if none were changed
    assert terms(online, samples)["distill"].item() != pytest.approx(actual.item())


def test_a_cached_teacher_sees_colours_beside_a_student_of_one_channel(
    distil_options, tmp_path
):
    four = {"mean": [123.675, 116.28, 103.53, 110.0]}
    four["std"] = [58.395, 57.12, 57.375, 50.0]
    backbone = read_config(DISTILLED, distil_options).model.student.backbone
    student = {"type": "ChannelAdapter", "take": [3], "backbone": backbone.to_dict()}
    packed = {"type": "MultiChannelPreProcessor", "append_gray": True, **four}
    packed |= {"bgr_to_rgb": True, "size_divisor": 1}
    options = {k: v for k, v in distil_options.items() if "student.backbone" not in k}
    options |= {
        "model.student.backbone": student | {"_delete_": True},
        "model.student.data_preprocessor": packed | {"_delete_": True},
        "teacher_cache.dir": str(tmp_path / "cache"),
        "teacher_cache.views": 1,
    }
    build_teacher_cache(DISTILLED, cfg_options=options)
    online, offline, views = both(options)
    samples = [views[View(frame, 0, 0)] for frame in (0, 7)]
    expected, actual = (terms(model, samples)["distill"] for model in (online, offline))
    assert actual.item() == pytest.approx(expected.item(), rel=2e-3, abs=1e-6)


def test_a_cache_that_was_built_without_pairs_serves_them(cached):
    paired = cached | {
        "model.type": "TemporalDistillSegmentor",
        "model.temporal_loss": {"type": "TemporalConsistencyLoss"},
        "train_dataloader.dataset.dataset.neighbour": "4s",
    }
    online, offline, views = both(paired)
    *_, alone = both(cached)
    for visit in range(2):
        chosen = [View(frame, visit, 0) for frame in (0, 7, 21)]
        samples = [views[view] for view in chosen]
        for view, sample in zip(chosen, samples, strict=True):
            assert torch.equal(sample["inputs"], alone[view]["inputs"])
        expected, actual = terms(online, samples), terms(offline, samples)
        distill = expected["distill"].item()
        assert actual["distill"].item() == pytest.approx(distill, rel=2e-3, abs=1e-6)
        for name in ("loss_label", "temporal", "loss_temporal", "paired"):
            assert torch.equal(actual[name], expected[name]), name
        assert actual["temporal"] > 0


def test_cached_logits_are_the_teacher_s_to_half_precision(cached):
    online, _, views = both(cached)
    samples = [views[View(frame, 1, 0)] for frame in range(4)]
    data = online.data_preprocessor(pseudo_collate(samples), True)

    logits = online.teacher_logits(data["inputs"])
    margin = (logits[:, 1:] - logits[:, :1]).numpy()
    stored = np.stack([s["data_samples"].teacher_logits.data.numpy() for s in samples])
    step = np.spacing(np.abs(margin).astype(np.float16)).astype(np.float64)
    assert (np.abs(stored - margin) <= 0.51 * step + 1e-6).all()


def test_mirrored_logits_are_not_those_of_the_mirrored_view(cached):
    """The cache stores views, not frames, because teachers are not flip-equivariant."""
    online, _, views = both(cached)
    image = online.data_preprocessor(pseudo_collate([views[0]]), True)["inputs"]
    mirrored = online.teacher_logits(image.flip(-1)).flip(-1)
    assert (mirrored - online.teacher_logits(image)).abs().max() > 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_training_from_the_cache(cached, tmp_path, workers):
    options = cached | {
        "train_dataloader.num_workers": workers,
        "train_cfg.max_iters": 30,  # 60 draws of 22 frames: views are drawn again
        "train_cfg.val_interval": 30,
        "randomness.seed": 5,
    }
    work_dir = train(DISTILLED, tmp_path, cfg_options=options)
    (log,) = work_dir.glob("*/*.log")
    assert " loss_distill: " in log.read_text()
    assert "teacher on 6 validation frames" in log.read_text()
    keys = read_checkpoint(work_dir / "iter_30.pth")["state_dict"].keys()
    assert not [key for key in keys if "teacher" in key]


@pytest.mark.slow
def test_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(cached, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(DISTILLED, whole, cfg_options=cached | {"train_cfg.max_iters": 6})
    train(DISTILLED, cut, cfg_options=cached | {"train_cfg.max_iters": 4})
    train(DISTILLED, cut, resume=True, cfg_options=cached | {"train_cfg.max_iters": 6})
    first, second = (
        read_checkpoint(run / "iter_6.pth")["state_dict"] for run in (whole, cut)
    )
    for key, value in first.items():
        assert torch.equal(value, second[key]), key


def test_shuffled_answers_are_read_from_the_cache_of_the_teacher(cached):
    online, offline, views = both(cached | {"model.teacher_control": "shuffled"})
    plain, _, _ = both(cached)
    plain.load_state_dict(online.state_dict())
    samples = [views[View(frame, 1, 0)] for frame in (0, 7, 21)]
    expected, own = terms(online, samples), terms(plain, samples)
    cached_term = terms(offline, samples)["distill"].item()
    assert cached_term == pytest.approx(expected["distill"].item(), rel=2e-3)
    assert cached_term != pytest.approx(own["distill"].item(), rel=2e-3)


def test_the_cache_of_an_untrained_teacher_is_that_of_its_seed(cached):
    untrained = cached | {"model.teacher_checkpoint": None}
    untrained |= {"model.teacher_control": "untrained"}
    hashes = []
    for seed in (3, 3, 4):
        cfg = read_config(DISTILLED, untrained | {"model.teacher_seed": seed})
        hashes.append(fingerprint(cfg, cache_options(cfg), unread_frames(cfg)))
        with pytest.raises(ValueError, match="was built with another teacher"):
            use_teacher_cache(cfg)
    assert hashes[0] == hashes[1]
    assert hashes[0]["teacher"] != hashes[2]["teacher"]


def test_no_teacher_is_built(cached):
    _, offline, _ = both(cached)
    assert not offline.has_teacher
    size = sum(weight.numel() for weight in offline.parameters())
    assert size == sum(weight.numel() for weight in offline.student.parameters())
    assert offline.teacher_report["frames"] == 6


def test_views_stay_in_memory_beside_their_logits(cached):
    cfg = read_config(DISTILLED, cached | {"train_dataloader.dataset.keep_views": 16})
    use_teacher_cache(cfg)
    dataset, view = DATASETS.build(cfg.train_dataloader.dataset), View(1, 1, 0)
    first, again = dataset[view], dataset[view]
    assert len(dataset.kept.samples) == 1
    assert torch.equal(first["inputs"], again["inputs"])
    both = [each["data_samples"].teacher_logits.data for each in (first, again)]
    assert torch.equal(*both)


def test_views_in_memory_are_not_taken_for_views_that_can_be_repeated(
    distil_options, tmp_path
):
    shift = {"type": Unseeded}
    options = distil_options | {
        "teacher_cache.dir": str(tmp_path / "cache"),
        "teacher_cache.views": 1,
        "train_dataloader.dataset.keep_views": 16,
        PIPELINE: [*LOAD, RESIZE, shift, PACK],
    }
    with pytest.raises(ValueError, match="differs when it is drawn twice"):
        build_teacher_cache(DISTILLED, cfg_options=options)


def test_a_view_is_timed_with_its_loading(cached):
    cfg = read_config(DISTILLED, cached | {"train_dataloader.dataset.keep_views": 16})
    timed, loaded = view_pass(cfg, 2), []
    load = LoadImageFromFile.transform
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            LoadImageFromFile,
            "transform",
            lambda self, results: loaded.append(1) or load(self, results),
        )
        for _ in range(2):
            timed.run()
    assert len(loaded) == 4


def test_a_recorded_config_of_a_cached_run_keeps_views_as_it_did(cached):
    cfg = read_config(DISTILLED, cached | {"train_dataloader.dataset.keep_views": 16})
    use_teacher_cache(cfg)
    remove_cache(cfg)
    views = cfg.train_dataloader.dataset
    assert (views.type, views.keep_views) == ("ViewDataset", 16)
    assert "cache_dir" not in views


def test_samples_without_logits_are_refused(cached):
    _, offline, views = both(cached)
    sample = views[0]  # by its number, not as a view
    with pytest.raises(RuntimeError, match="must be a CachedLogitsDataset"):
        terms(offline, [sample, sample])


# The plan that is printed first, and interruptions.


def test_size_and_time_are_printed_first(distil_options, tmp_path, capsys):
    options = distil_options | {
        "teacher_cache.dir": str(tmp_path / "cache"),
        "teacher_cache.views": 10,
    }
    build_teacher_cache(DISTILLED, cfg_options=options, dry_run=True)
    message = capsys.readouterr().out
    assert "22 frames x 10 views, 1 x 32 x 48 in fp16 each (margin), 0.6 MiB" in message
    assert "220 of 220 views to run: about" in message
    assert not (tmp_path / "cache" / "header.json").exists()


def test_a_finished_cache_is_kept(cached, capsys):
    store = Path(cached["teacher_cache.dir"])
    before = {path: path.stat().st_mtime_ns for path in store.iterdir()}
    build_teacher_cache(DISTILLED, cfg_options=cached)
    assert "0 of 44 views to run" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in store.iterdir()}


@pytest.mark.slow
def test_killed_and_called_again_it_ends_as_if_never_interrupted(
    cached, tmp_path, distil_options
):
    options = cached | {"teacher_cache.dir": str(tmp_path / "cache")}
    cfg = read_config(DISTILLED, options)
    cfg.dump(tmp_path / "cached.py")
    words = ("cache_teacher.py", tmp_path / "cached.py", "--batch-size", 1)
    (builder,) = fork(lambda _: run_tool(*words)).processes
    while builder.is_alive() and _missing(tmp_path / "cache") > 40:
        time.sleep(0.005)
    builder.kill()
    builder.join()
    left = _missing(tmp_path / "cache")
    assert 0 < left < 44  # in the middle
    refused = cfg.copy()
    with pytest.raises(ValueError, match=f"incomplete, {left} of 44 views"):
        use_teacher_cache(refused)

    build_teacher_cache(tmp_path / "cached.py", batch_size=5)
    one, other = (LogitStore(o["teacher_cache.dir"]) for o in (cached, options))
    assert np.array_equal(one.checksums, other.checksums)
    np.testing.assert_allclose(one.logits, other.logits, rtol=2e-3, atol=2e-3)
    use_teacher_cache(cfg)


def _missing(folder: Path) -> int:
    try:
        return len(LogitStore(folder).missing())
    except (FileNotFoundError, ValueError):  # not yet there
        return 44


def test_a_second_builder_is_refused(copied):
    with (
        locked(copied["teacher_cache.dir"]),
        pytest.raises(BlockingIOError, match="another process builds"),
    ):
        build_teacher_cache(DISTILLED, cfg_options=copied)


# Caches that do not fit the run.


def refusal(options: dict) -> str:
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        use_teacher_cache(read_config(DISTILLED, options))
    return str(error.value)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({PIPELINE: [*LOAD, RESIZE, PACK]}, "pipeline"),
        ({"teacher_cache.view_seed": 1}, "seed of the views"),
        ({"model.teacher.decode_head.dropout_ratio": 0.5}, "teacher"),
        ({"model.class_mapping": [1, 0]}, "teacher"),
        ({"model.teacher_precision": "bf16"}, "teacher"),
        ({"model.student.data_preprocessor.mean": [1.0, 2.0, 3.0]}, "normalisation"),
        ({"train_dataloader.dataset.dataset.ratios": (0.6, 0.3, 0.1)}, "frames"),
        ({"train_dataloader.dataset.dataset.clip": "9s"}, "pipeline"),
        ({f"{PIPELINE}.0.type": "LoadClip"}, "pipeline"),
        (
            {
                "train_dataloader.dataset.dataset.label_coding": {
                    "_delete_": True,
                    "classes": ["water", "splash"],
                    "palette": [[8, 8, 8], [1, 1, 1]],
                    "gray_to_train_id": {0: 0, 255: 1},
                }
            },
            "pipeline",
        ),
    ],
)
def test_a_cache_of_another_run_is_refused(cached, changes, part):
    message = refusal(cached | changes)
    assert f"it was built with another {part}" in message
    assert "cache_teacher.py" in message


def test_a_cache_fits_frames_from_memory(cached):
    changes = {f"{PIPELINE}.0.type": "LoadImageOnce", f"{PIPELINE}.0.memory_share": 0.1}
    cfg = read_config(DISTILLED, cached | changes)
    use_teacher_cache(cfg)
    views = DATASETS.build(cfg.train_dataloader.dataset)
    first, again = (views[View(0, 1, 0)] for _ in range(2))
    assert torch.equal(first["inputs"], again["inputs"])


def test_a_cache_of_other_weights_is_refused(cached, tmp_path):
    cfg = read_config(DISTILLED, cached)
    write_weights(
        MODELS.build(cfg.model.teacher).state_dict(), tmp_path / "t.safetensors", {}
    )
    changed = {"model.teacher_checkpoint": str(tmp_path / "t.safetensors")}
    assert "another teacher" in refusal(cached | changed)


def test_the_same_weights_in_another_file_are_taken(cached, teacher, tmp_path):
    state = read_checkpoint(next(teacher.glob(BEST)))["state_dict"]
    torch.save(dict(reversed(state.items())), tmp_path / "bare.pth")
    changed = {"model.teacher_checkpoint": str(tmp_path / "bare.pth")}
    use_teacher_cache(read_config(DISTILLED, cached | changed))


def test_a_cache_moves_with_its_frames_to_another_folder(cached, pond, tmp_path):
    shutil.copytree(pond, tmp_path / "moved")
    shutil.copytree(cached["teacher_cache.dir"], tmp_path / "cache")
    moved = {"data_root": str(tmp_path / "moved")}
    moved["teacher_cache.dir"] = str(tmp_path / "cache")
    use_teacher_cache(read_config(DISTILLED, cached | moved))


def test_a_frame_that_changed_is_refused_when_it_is_drawn(cached, pond, tmp_path):
    shutil.copytree(pond, tmp_path / "moved")
    _, _, views = both(cached | {"data_root": str(tmp_path / "moved")})
    path = Path(views.get_data_info(3)["img_path"])
    shutil.copy(views.get_data_info(4)["img_path"], path)
    with pytest.raises(RuntimeError, match="view 0 of frame 3 has other pixels"):
        views[View(3, 0, 0)]


def test_more_views_than_stored_are_refused(cached):
    message = refusal(cached | {"teacher_cache.views": 3})
    assert "views=3" in message
    assert "has 2 views" in message
    cfg = read_config(DISTILLED, cached | {"teacher_cache.views": 1})
    use_teacher_cache(cfg)
    assert cfg.train_dataloader.sampler.views == 1


def of_version(copied: dict, library: str) -> dict:
    """A cache made with version 0.1 of a library."""
    header = read_header(copied["teacher_cache.dir"])
    header["versions"][library] = "0.1"
    write_header(copied["teacher_cache.dir"], header)
    return copied


def test_other_versions_of_drawing_libraries_are_a_warning(copied):
    assert use_teacher_cache(read_config(DISTILLED, copied)) == []
    changed = of_version(copied, "numpy")
    (warning,) = use_teacher_cache(read_config(DISTILLED, changed))
    assert "was built with numpy 0.1, now" in warning


def test_other_versions_of_model_libraries_are_refused(copied):
    message = refusal(of_version(copied, "mmseg_splashkd"))
    assert "built with another version of mmseg_splashkd (0.1, now" in message


def test_the_teacher_is_tested_again_on_another_validation_part(copied, capsys):
    changed = copied | {"val_dataloader.dataset.ratios": (0.7, 0.1, 0.2)}
    assert "on another validation part" in refusal(changed)

    before = LogitStore(copied["teacher_cache.dir"])
    build_teacher_cache(DISTILLED, cfg_options=changed)
    assert "0 of 44 views to run" in capsys.readouterr().out
    after = LogitStore(copied["teacher_cache.dir"])
    assert np.array_equal(before.checksums, after.checksums)
    assert after.header["report"]["frames"] == 3
    use_teacher_cache(read_config(DISTILLED, changed))


def test_a_cache_set_without_the_option_is_refused(cached, distil_options):
    there = {"model.teacher_cache": cached["teacher_cache.dir"]}
    assert "has no teacher_cache to check it by" in refusal(distil_options | there)


def test_a_dumped_config_can_be_cached_trained_and_tested(cached, tmp_path, capsys):
    cfg = read_config(DISTILLED, cached)
    use_teacher_cache(cfg)
    cfg.dump(tmp_path / "dumped.py")

    build_teacher_cache(tmp_path / "dumped.py")
    assert "0 of 44 views to run" in capsys.readouterr().out
    again = read_config(tmp_path / "dumped.py")
    use_teacher_cache(again)
    assert again.train_dataloader == cfg.train_dataloader
    again.model.teacher_cache = "nowhere"  # a model to test needs no cache
    assert not MODELS.build(again.model).has_teacher


def test_stored_logits_serve_where_the_margin_would(distil_options, tmp_path):
    options = distil_options | {
        "teacher_cache.dir": str(tmp_path / "cache"),
        "teacher_cache.views": 1,
    }
    logits = options | {"teacher_cache.store": "logits"}
    build_teacher_cache(DISTILLED, cfg_options=logits)
    build_teacher_cache(DISTILLED, cfg_options=options)
    use_teacher_cache(read_config(DISTILLED, options))


def test_the_folder_of_another_cache_is_not_overwritten(copied):
    changed = copied | {PIPELINE: [*LOAD, RESIZE, PACK]}
    with pytest.raises(ValueError, match=r"holds a cache with another pipeline"):
        build_teacher_cache(DISTILLED, cfg_options=changed)


def test_the_error_for_a_missing_cache_names_the_command(cached, tmp_path):
    changed = {"teacher_cache.dir": str(tmp_path / "nowhere")}
    assert "cache_teacher.py" in refusal(cached | changed)


# Configs that cannot be cached.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"teacher_cache.views": 0}, r"teacher_cache\.views must be an integer >= 1"),
        ({"teacher_cache.view": 2}, "teacher_cache takes"),
        ({"teacher_cache.store": "fp8"}, r"teacher_cache\.store must be one of"),
        (
            {"train_dataloader.sampler.type": "InfiniteSampler"},
            "needs reproducible views",
        ),
        (
            {"train_dataloader.dataset.type": "RepeatDataset"},
            "needs reproducible views",
        ),
        (
            {"model.distill_loss.terms": [{"type": "IFVDLoss"}]},
            "IFVDLoss compares features",
        ),
        (
            {PIPELINE: [*LOAD, PIPELINES["resize and crop"][0], PACK]},
            "views have different sizes",
        ),
        (OF_LABELS, "teacher_cache stores logits, and model.teacher='labels' needs"),
    ],
)
def test_configs_that_cannot_be_cached_are_refused(
    distil_options, tmp_path, changes, message
):
    options = distil_options | {
        "teacher_cache.dir": str(tmp_path / "cache"),
        "teacher_cache.views": 2,
    }
    with pytest.raises(ValueError, match=message):
        build_teacher_cache(DISTILLED, cfg_options=options | changes)
    assert not (tmp_path / "cache" / "header.json").exists()


def test_augmentation_after_the_pipeline_cannot_be_cached(distil_options, tmp_path):
    crop = {"type": "BatchSyncRandomResize", "random_size_range": (32, 64)}
    options = distil_options | {
        "teacher_cache.dir": str(tmp_path / "cache"),
        "teacher_cache.views": 2,
        "model.student.data_preprocessor.batch_augments": [crop],
    }
    with pytest.raises(ValueError, match="batch_augments changes views"):
        build_teacher_cache(DISTILLED, cfg_options=options)


def test_feature_losses_do_not_train_from_a_cache(cached):
    cfg = read_config(
        DISTILLED, cached | {"model.distill_loss.terms": [{"type": "IFVDLoss"}]}
    )
    use_teacher_cache(cfg)
    with pytest.raises(ValueError, match="IFVDLoss compares features"):
        MODELS.build(cfg.model)


def test_the_margin_is_refused_for_losses_that_need_both_logits(cached):
    cfg = read_config(
        DISTILLED, cached | {"model.distill_loss.terms": [{"type": "CWDLoss"}]}
    )
    use_teacher_cache(cfg)
    model = MODELS.build(cfg.model)
    with pytest.raises(ValueError, match=r"margin.*CWDLoss needs both.*store='logits'"):
        model.init_weights()


def test_a_plain_model_has_no_teacher_to_cache(pond):
    options = tiny_run(pond, "model") | {"teacher_cache": {"dir": "x", "views": 1}}
    with pytest.raises(ValueError, match="teacher_cache needs a DistillSegmentor"):
        use_teacher_cache(read_config(PLAIN, options))


def test_without_the_option_nothing_changes(distil_options):
    cfg = read_config(DISTILLED, distil_options)
    before = cfg.pretty_text
    use_teacher_cache(cfg)
    assert cfg.pretty_text == before
    with pytest.raises(ValueError, match="has no teacher_cache: add"):
        build_teacher_cache(DISTILLED, cfg_options=distil_options)


def test_several_workers_read_the_same_logits_as_one(cached):
    cfg = read_config(DISTILLED, cached)
    use_teacher_cache(cfg)
    drawn = []
    for workers in (0, 2):
        loader = cfg.train_dataloader.to_dict() | {"num_workers": workers}
        stream = iter(Runner.build_dataloader(loader, seed=0))
        batches = [next(stream) for _ in range(3)]
        samples = [s for batch in batches for s in batch["data_samples"]]
        drawn.append(torch.stack([s.teacher_logits.data for s in samples]))
    assert torch.equal(*drawn)
