import hashlib
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image
from sklearn.metrics import confusion_matrix
from torch import distributed
from torch.multiprocessing.spawn import spawn
from torch.utils.data import BatchSampler

from mmseg_splashkd.datasets.timestamps import parse_timestamp
from mmseg_splashkd.evaluation.areas import scores
from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.hooks.frame_scores_hook import FrameScoresHook
from mmseg_splashkd.runs.test import TestMetrics, evaluate, scores_file
from mmseg_splashkd.statistics.metrics import areas_of
from tests.conftest import TEACHER, tiny_run
from tests.evaluation.helpers import random_frames

LAST = "weights_*_last.safetensors"


@pytest.fixture(scope="module")
def validated(teacher) -> Any:
    """Scores of the teacher's single validation."""
    return load_scores(teacher / "scores" / "val_last.npz")


@pytest.fixture(scope="module")
def tested(teacher, pond, tmp_path_factory) -> Path:
    """Work directory of a test of the same weights on the same frames."""
    options = tiny_run(pond, "model", test_dataloader__dataset__split="val")
    work_dir = tmp_path_factory.mktemp("tested")
    evaluate(
        TEACHER,
        teacher / LAST,
        work_dir,
        out=work_dir / "out",
        cfg_options=options,
    )
    return work_dir


def test_a_validation_writes_the_counts_of_its_frames(validated, pond):
    stems = sorted(path.stem for path in (pond / "images").iterdir())[22:28]
    assert [Path(frame).stem for frame in validated.frames] == stems
    stamps = [parse_timestamp(stem, stem) for stem in stems]
    assert validated.timestamps.tolist() == stamps
    assert validated.classes == ("background", "splash")
    assert validated.focus == "splash"
    assert (validated.confusion.sum((1, 2)) == 64 * 80).all()
    assert (validated.histogram.sum((1, 2)) == 64 * 80).all()
    splash = validated.confusion[:, 1].sum(1)
    assert (validated.histogram[:, 1].sum(1) == splash).all()
    assert splash.any()


def name_of(run: Path) -> str:
    (last,) = run.glob(LAST)
    return last.stem.removeprefix("weights_").removesuffix("_last")


def test_about_identifies_the_run(validated, teacher, pond):
    about = validated.about
    assert about["run"] == name_of(teacher)
    assert about["part"] == about["split"] == "val"
    assert (about["weights"], about["iteration"], about["seed"]) == ("last", 2, 0)
    table = pond / "frames.csv"
    assert (about["fold"], about["table"]) == (None, str(table))
    assert about["table_sha256"] == hashlib.sha256(table.read_bytes()).hexdigest()


def test_the_first_validation_is_the_best(teacher, validated):
    best = load_scores(teacher / "scores" / "val_best.npz")
    assert np.array_equal(best.confusion, validated.confusion)
    assert (best.about["weights"], validated.about["weights"]) == ("best", "last")


def test_counts_are_those_of_the_written_predictions(validated, tested, pond):
    for frame, confusion in zip(validated.frames, validated.confusion, strict=True):
        name = Path(frame).name
        with (
            Image.open(tested / "out" / "pond" / name) as prediction,
            Image.open(pond / "labels" / name) as label,
        ):
            found = np.asarray(prediction).ravel()
            truth = (np.asarray(label) == 255).ravel()
        expected = confusion_matrix(truth, found, labels=[0, 1])
        assert np.array_equal(confusion, expected)


def test_a_test_counts_as_the_validation_did(validated, tested, teacher):
    found: Any = load_scores(tested / "scores.npz")
    assert np.array_equal(found.confusion, validated.confusion)
    assert np.array_equal(found.histogram, validated.histogram)
    assert found.frames == validated.frames
    about = found.about
    assert about["run"] == name_of(teacher)
    assert (about["weights"], about["part"]) == ("last", "test")
    assert (about["iteration"], about["threshold"], about["tta"]) == (2, None, False)


def test_bursts_are_logged_beside_pixel_scores(tested):
    (log,) = tested.glob("2*/*.log")
    assert "bursts of splash found" in log.read_text()
    (figures,) = tested.glob("2*/2*.json")
    assert '"Bursts.recall"' in figures.read_text()


def test_averaged_flips_have_no_probability_histogram(teacher, pond, tmp_path):
    options = tiny_run(pond, "model")
    file = tmp_path / "here" / "mine.npz"
    metrics = evaluate(
        TEACHER, teacher / LAST, tmp_path, scores=file, tta=True, cfg_options=options
    )
    found = load_scores(file)
    assert found.histogram is None
    assert found.about["tta"] is True
    dice = scores(torch.from_numpy(areas_of(found.confusion.sum(0)))).dice
    assert metrics["Dice.splash"] == pytest.approx(100 * dice[1].item())
    assert 0 <= metrics["Bursts.recall"] <= 100
    assert metrics["Bursts.false"] >= 0


def test_a_test_keeps_the_scores_of_another(teacher, pond, tmp_path):
    """Argmax, a threshold, and argmax again, into one work directory."""
    options = tiny_run(pond, "model")

    def test(**given) -> TestMetrics:
        return evaluate(TEACHER, teacher / LAST, tmp_path, cfg_options=options, **given)

    first = test()
    assert first.scores == tmp_path / "scores.npz"
    kept = first.scores.read_bytes()
    other = test(threshold=0.4)
    (last,) = teacher.glob(LAST)
    assert other.scores == tmp_path / f"scores_{last.stem}_p0.4000.npz"
    assert load_scores(other.scores).about["threshold"] == 0.4
    assert first.scores.read_bytes() == kept
    logs = "".join(path.read_text() for path in tmp_path.glob("2*/*.log"))
    assert "scores.npz holds the scores of another test: those of this " in logs
    with pytest.raises(
        FileExistsError, match=r"holds the scores of weights_.* another"
    ):
        test(threshold=0.4, scores=first.scores)
    assert first.scores.read_bytes() == kept
    assert test().scores == first.scores  # the same test replaces its own


def test_path_of_the_scores():
    config = "configs/kd/mine.py"
    assert scores_file(config) == Path("work_dirs/mine_test/scores.npz")
    assert scores_file(config, "here") == Path("here/scores.npz")
    assert scores_file(config, "here", "there.npz") == Path("there.npz")


class Frames:
    """A data set of frames without files or time."""

    def __init__(self, size: int, classes: int = 3) -> None:
        self.samples: list[Any] = [
            SegDataSample(
                gt_sem_seg=PixelData(data=frame["gt_sem_seg"]["data"]),
                pred_sem_seg=PixelData(data=frame["pred_sem_seg"]["data"]),
                seg_logits=PixelData(data=frame["seg_logits"]["data"]),
            )
            for frame in random_frames(size, classes)
        ]
        self.metainfo = {"classes": ("water", "net", "splash")}

    def __len__(self) -> int:
        return len(self.samples)

    def get_data_info(self, index: int) -> dict[str, Any]:
        return {"img_path": f"{index}.png"}


def counts(size: int, work_dir: str) -> Any:
    """Count frames in batches of two, as the loop of this process does.

    Returns:
        The scores, in the first process.
    """
    dataset = Frames(size)
    runner: Any = SimpleNamespace(
        test_dataloader=SimpleNamespace(dataset=dataset),
        test_loop=SimpleNamespace(evaluator=None),
        model=None,
        cfg={},
        work_dir=work_dir,
    )
    hook = FrameScoresHook(focus_class="net")
    hook.before_test_epoch(runner)
    sampler = DefaultSampler(dataset, shuffle=False, seed=0)  # type: ignore[arg-type]
    for batch in BatchSampler(sampler, batch_size=2, drop_last=False):
        samples = [dataset.samples[index] for index in batch]
        hook.after_test_iter(runner, 0, outputs=samples)
    metrics: dict = {}
    hook.after_test_epoch(runner, metrics)
    assert not metrics  # no time, no bursts
    path = Path(work_dir, "scores.npz")
    return load_scores(path) if path.is_file() else None


def test_frames_without_time_and_another_class(tmp_path):
    found = counts(5, str(tmp_path))
    assert found.frames == tuple(f"{index}.png" for index in range(5))
    assert found.timestamps.tolist() == [-1] * 5
    assert found.focus == "net"
    samples = Frames(5).samples
    for sample, confusion, histogram in zip(
        samples, found.confusion, found.histogram, strict=True
    ):
        truth = sample.gt_sem_seg.data.ravel()
        valid = truth != 255
        expected = confusion_matrix(
            truth[valid], sample.pred_sem_seg.data.ravel()[valid], labels=[0, 1, 2]
        )
        assert np.array_equal(confusion, expected)
        likely = sample.seg_logits.data.softmax(0)[1].ravel()
        edges = np.arange(257) / 256
        assert np.array_equal(
            histogram[1], np.histogram(likely[truth == 1].numpy(), edges)[0]
        )


def _work(rank: int, folder: str) -> None:
    os.chdir(folder)  # where mmengine exchanges results
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/init", rank=rank, world_size=2
    )
    counts(5, f"{folder}/{rank}")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_count_as_one(tmp_path):
    spawn(_work, args=(str(tmp_path),), nprocs=2)
    assert not (tmp_path / "1").exists()  # the first process writes
    found: Any = load_scores(tmp_path / "0" / "scores.npz")
    expected = counts(5, str(tmp_path / "one"))
    assert np.array_equal(found.confusion, expected.confusion)
    assert np.array_equal(found.histogram, expected.histogram)


def test_an_unknown_class_is_refused():
    runner: Any = SimpleNamespace(
        test_dataloader=SimpleNamespace(dataset=Frames(1)), model=None
    )
    hook = FrameScoresHook(focus_class="foam")
    with pytest.raises(ValueError, match="focus_class='foam' is not a class"):
        hook.after_test_iter(runner, 0, outputs=Frames(1).samples)
