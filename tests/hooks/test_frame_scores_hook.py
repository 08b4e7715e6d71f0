import hashlib
import logging
import math
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image
from sklearn.metrics import confusion_matrix
from torch import distributed
from torch.utils.data import BatchSampler

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.walk import loader_leaves
from mmseg_splashkd.datasets.timestamps import parse_timestamp
from mmseg_splashkd.evaluation.areas import scores
from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.evaluation.operating_point import METRIC, cross_fitted_dice
from mmseg_splashkd.files import file_sha256
from mmseg_splashkd.hooks.frame_scores_hook import FrameScoresHook
from mmseg_splashkd.runs.test import TestMetrics, evaluate, scores_file
from mmseg_splashkd.statistics.metrics import areas_of
from tests.conftest import TEACHER, tiny_run
from tests.datasets.checks.builders import clean_pond, parts_of
from tests.evaluation.helpers import random_frames
from tests.forks import fork, join
from tests.hooks.small_runs import small_run
from tests.models.builders import build, fcn

LATEST = "scores/val_last.npz"
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


def test_frames_inside_wrappers_are_those_of_their_data_sets(teacher, pond, tmp_path):
    options = tiny_run(pond, "model")
    (val,) = loader_leaves(read_config(TEACHER, options), "test_dataloader")
    inner = [{**val, "split": "test"}, {**val, "split": "val"}]
    wrapped = {"type": "ConcatDataset", "datasets": inner, "_delete_": True}
    evaluate(
        TEACHER,
        teacher / LAST,
        tmp_path,
        cfg_options=options | {"test_dataloader.dataset": wrapped},
    )
    found = load_scores(tmp_path / "scores.npz")
    stems = sorted(path.stem for path in (pond / "images").iterdir())
    expected = [*stems[28:], *stems[22:28]]
    assert [Path(frame).stem for frame in found.frames] == expected
    stamps = [parse_timestamp(stem, stem) for stem in expected]
    assert found.timestamps.tolist() == stamps
    assert set(found.recordings) == {"pond"}
    table = pond / "frames.csv"
    assert found.about["split"] is None
    assert found.about["table"] == str(table)
    assert found.about["table_sha256"] == file_sha256(table)


def test_scores_of_no_pixel_are_refused(teacher, pond, tmp_path):
    table = clean_pond(pond, tmp_path / "pond")
    for frame in parts_of(table)["test"]:
        Image.fromarray(np.full((64, 80), 7, np.uint8)).save(frame.label)
    coding = tmp_path / "coding.yaml"
    coding.write_text(
        "classes: [background, splash]\npalette: [[0, 0, 0], [255, 255, 255]]\n"
        "ignore_colour: [9, 9, 9]\ngray_to_train_id: {0: 0, 255: 1, 7: 255}\n"
    )
    options = tiny_run(table.parent, "model") | {"label_coding": str(coding)}
    options |= {"split_table": table.name}
    with pytest.raises(ValueError, match="labels of all frames of test ignore every p"):
        evaluate(TEACHER, teacher / LAST, tmp_path / "test", cfg_options=options)
    assert not (tmp_path / "test" / "scores.npz").exists()


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


def validated_in(dataset: Frames, work_dir: str) -> dict[str, float]:
    """Metrics that a validation gets in this process."""
    runner: Any = SimpleNamespace(
        val_dataloader=SimpleNamespace(dataset=dataset),
        message_hub=MessageHub(work_dir),
        logger=logging.getLogger("a run"),
        model=None,
        cfg={},
        seed=0,
        iter=2,
        work_dir=work_dir,
    )
    hook = FrameScoresHook(focus_class="net")
    hook.before_val_epoch(runner)
    sampler = DefaultSampler(dataset, shuffle=False, seed=0)  # type: ignore[arg-type]
    for index in sampler:
        hook.after_val_iter(runner, 0, outputs=[dataset.samples[index]])
    metrics: dict[str, float] = {}
    hook.after_val_epoch(runner, metrics)
    logged = runner.message_hub.get_scalar(f"val/{METRIC}").current()
    assert logged == metrics[METRIC]
    return metrics


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
    metrics = validated_in(Frames(5), f"{folder}/{rank}")
    Path(folder, f"dice{rank}").write_text(str(metrics[METRIC]))
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_count_as_one(tmp_path):
    join(fork(_work, str(tmp_path), number=2))
    assert not (tmp_path / "1").exists()  # the first process writes
    expected = validated_in(Frames(5), str(tmp_path / "one"))[METRIC]
    for rank in (0, 1):  # all select the best weights
        assert float((tmp_path / f"dice{rank}").read_text()) == expected > 0
    found: Any = load_scores(tmp_path / "0" / "scores.npz")
    expected = counts(5, str(tmp_path / "one"))
    assert np.array_equal(found.confusion, expected.confusion)
    assert np.array_equal(found.histogram, expected.histogram)


class Validations(Hook):
    """Removes the class from the labels at some validations; keeps all metrics."""

    priority = "LOWEST"

    def __init__(self, without: set[int]) -> None:
        self.without, self.metrics, self.labels = without, [], []

    def before_val_epoch(self, runner: Any) -> None:
        frames = runner.val_dataloader.dataset.frames
        found = [frame["data_samples"].gt_sem_seg.data for frame in frames]
        self.labels = self.labels or [label.clone() for label in found]
        for label, kept in zip(found, self.labels, strict=True):
            label.copy_(0 * kept if runner.iter in self.without else kept)

    def after_val_epoch(self, runner: Any, metrics: dict | None = None) -> None:
        self.metrics.append(dict(metrics or {}))


def validate(work_dir: Path, without: set[int], steps: int = 3, **head: Any) -> Any:
    """Train with a validation after each step, and return what they gave."""
    run = small_run(
        build(fcn(auxiliary=False, **head)),
        work_dir,
        steps=steps,
        validates=True,
        hooks=("FrameScoresHook",),
        best=METRIC,
        lr=0.01,
    )
    seen = Validations(without)
    run.register_hook(seen)
    run.train()
    return [metrics[METRIC] for metrics in seen.metrics]


def log_of(work_dir: Path) -> str:
    (log,) = work_dir.glob("2*/*.log")
    return log.read_text()


def test_best_weights_are_those_of_the_best_operating_point(tmp_path):
    dice = validate(tmp_path, without={2})
    assert dice[2] == pytest.approx(cross_fitted_dice(load_scores(tmp_path / LATEST)))
    assert math.isnan(dice[1])  # no pixel of the class
    assert dice[0] != dice[2]
    best = 1 if dice[0] > dice[2] else 3
    assert [path.name for path in tmp_path.glob("best_*")] == [
        f"best_OperatingPoint.Dice_iter_{best}.pth"
    ]
    log = log_of(tmp_path)
    assert f"with {dice[best - 1]:.4f} OperatingPoint.Dice at {best} iter" in log
    assert f"OperatingPoint.Dice: {dice[2]:.4f}" in log
    assert "no pixel of the validation part is splash" in log


def test_a_run_without_any_operating_point_has_no_best_weights_and_says_so(tmp_path):
    dice = validate(tmp_path, without={1, 2}, steps=2)
    assert all(map(math.isnan, dice))
    assert not list(tmp_path.glob("best_*"))
    assert "no best checkpoint: OperatingPoint.Dice was NaN" in log_of(tmp_path)


def test_one_sigmoid_output_has_an_operating_point(tmp_path):
    loss = {"type": "CrossEntropyLoss", "use_sigmoid": True, "avg_non_ignore": True}
    head = {"out_channels": 1, "threshold": 0.25, "loss_decode": loss}
    (dice,) = validate(tmp_path, without=set(), steps=1, **head)
    found: Any = load_scores(tmp_path / LATEST)
    assert dice == pytest.approx(cross_fitted_dice(found))
    assert dice > 0
    above = found.histogram[:, :, 64:].sum(-1)
    assert np.array_equal(above, found.confusion[:, :, 1])  # as the head decides


@pytest.mark.parametrize(
    ("of_class", "of_other", "line"),
    [
        (
            0.4,
            0.1,
            "net is hardly found by argmax: predicted on 0.00 % of the pixels, true on "
            "12.50 %, Dice 0.0; Dice is 100.0 at a threshold chosen on other frames. "
            "Test these weights with tools/test.py --threshold stored",
        ),
        (
            0.1,
            0.1,
            "net is hardly found by argmax: predicted on 0.00 % of the pixels, true on "
            "12.50 %, Dice 0.0; no threshold does better than predicting it "
            "everywhere, so far",
        ),
        (0.6, 0.1, None),
    ],
    ids=["by a threshold", "not at all", "by argmax"],
)
def test_what_argmax_hides_is_said(tmp_path, caplog, of_class, of_other, line):
    dataset = Frames(4)
    for sample in dataset.samples:
        label = torch.zeros(8, 8, dtype=torch.long)
        label[2] = 1
        likely = torch.where(label == 1, of_class, of_other)
        others = 1 - likely
        logits = torch.stack([0.99 * others, likely, 0.01 * others]).log()
        sample.gt_sem_seg = PixelData(data=label[None])
        sample.seg_logits = PixelData(data=logits)
        sample.pred_sem_seg = PixelData(data=logits.argmax(0, keepdim=True))
    with caplog.at_level(logging.WARNING):
        metrics = validated_in(dataset, str(tmp_path))
    assert [record.message for record in caplog.records] == ([line] if line else [])
    assert metrics[METRIC] == pytest.approx(200 / 9 if of_class == 0.1 else 100)


def test_an_unknown_class_is_refused():
    runner: Any = SimpleNamespace(
        test_dataloader=SimpleNamespace(dataset=Frames(1)), model=None
    )
    hook = FrameScoresHook(focus_class="foam")
    with pytest.raises(ValueError, match="focus_class='foam' is not a class"):
        hook.after_test_iter(runner, 0, outputs=Frames(1).samples)
