import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint, write_weights
from mmseg_splashkd.evaluation.frame_scores import BINS, load_scores
from mmseg_splashkd.evaluation.operating_point import (
    parse_threshold,
    point_of_weights,
    threshold_curve,
)
from mmseg_splashkd.evaluation.operating_point.stored import operating_point_of
from mmseg_splashkd.runs.test import evaluate
from mmseg_splashkd.runs.train import train
from tests.conftest import BEST, TEACHER, tiny_run
from tests.evaluation.helpers import frame_scores

LAST = "weights_*_last.safetensors"


def stored(work_dir: Path, pattern: str) -> dict[str, Any]:
    return read_checkpoint(find_checkpoint(str(work_dir / pattern)))["meta"]


def test_the_point_is_the_best_threshold_of_the_validation(teacher):
    point = stored(teacher, LAST)["operating_point"]
    scores = load_scores(teacher / "scores" / "val_last.npz")
    assert scores.histogram is not None
    curve = threshold_curve(scores.histogram)
    assert point["dice"] == pytest.approx(100 * curve.dice[1:].max())
    index = round(BINS * point["threshold"])
    for name in ("dice", "precision", "recall"):
        assert point[name] == 100 * getattr(curve, name)[index]
    assert point["dice_at_half"] == 100 * curve.dice[BINS // 2]
    assert (point["class"], point["frames"], point["iteration"]) == ("splash", 6, 2)


def test_checkpoints_and_exported_weights_hold_it(teacher):
    point = stored(teacher, LAST)["operating_point"]
    assert stored(teacher, BEST)["operating_point"] == point
    assert stored(teacher, "best_OperatingPoint.Dice_*.pth")["operating_point"] == point
    (log,) = teacher.glob("2*/*.log")
    text = f"p >= {point['threshold']:.2f}, Dice {point['dice']:.1f} ("
    assert f"operating point of splash: {text}" in log.read_text()


def test_weights_have_the_point_of_their_own_validation_or_none(pond, tmp_path):
    options = tiny_run(pond, "model", iterations=4) | {
        "default_hooks.checkpoint.save_best": None,
        "default_hooks.checkpoint.interval": 3,
        "default_hooks.checkpoint.max_keep_ckpts": 2,
    }
    train(TEACHER, tmp_path, cfg_options=options)
    # Never validated: the stored point is that of the weights of iteration 2.
    assert stored(tmp_path, "iter_3.pth")["operating_point"] is None
    # Written before its validation, like its export, to which the point was added
    # later.
    assert stored(tmp_path, "iter_4.pth")["operating_point"] is None
    last = stored(tmp_path, LAST)
    assert last["iter"] == last["operating_point"]["iteration"] == 4


def test_points_of_other_weights_are_none():
    assert point_of_weights({"iteration": 2, "threshold": 0.4}, 2) == {
        "iteration": 2,
        "threshold": 0.4,
    }
    assert point_of_weights({"iteration": 2}, 4) is None
    assert point_of_weights(None, 2) is None


def test_no_point_without_probabilities_or_the_class():
    scores = frame_scores([(9, 0, 0, 1)])
    assert operating_point_of(scores, 2) is None
    histogram = np.zeros((1, 2, BINS), np.int64)
    histogram[0, 0, 200] = 9
    assert operating_point_of(replace(scores, histogram=histogram), 2) is None
    histogram[0, 1, 255] = 1
    point = operating_point_of(replace(scores, histogram=histogram), 2)
    assert point is not None
    assert point["threshold"] == 201 / 256
    assert json.loads(json.dumps(point)) == point


@pytest.mark.parametrize("text", ["0", "1.1", "-0.5", "nan", "best"])
def test_invalid_thresholds_are_refused(text):
    with pytest.raises(ValueError, match=f"--threshold {text} is neither 'stored'"):
        parse_threshold(text)


def test_thresholds_are_numbers_or_stored():
    assert parse_threshold("0.25") == 0.25
    assert parse_threshold(1.0) == 1
    assert parse_threshold("stored") == "stored"


@pytest.fixture
def options(pond) -> dict:
    return tiny_run(pond, "model", test_dataloader__dataset__split="val")


def test_a_test_by_the_stored_threshold_repeats_its_dice(teacher, options, tmp_path):
    point = stored(teacher, LAST)["operating_point"]
    metrics = evaluate(
        TEACHER,
        teacher / LAST,
        tmp_path,
        out=tmp_path / "out",
        show_dir=tmp_path / "show",
        threshold="stored",
        cfg_options=options,
    )
    assert metrics["Dice.splash"] == pytest.approx(point["dice"])
    assert metrics["Acc.splash"] == pytest.approx(point["recall"])
    scores = load_scores(tmp_path / "scores.npz")
    assert scores.about["threshold"] == point["threshold"]
    predicted = scores.confusion[:, :, 1].sum(1)
    for frame, count in zip(scores.frames, predicted, strict=True):
        with Image.open(tmp_path / "out" / "pond" / Path(frame).name) as image:
            assert np.asarray(image).sum() == count
    assert len(list((tmp_path / "show" / "pond").iterdir())) == 6
    (log,) = tmp_path.glob("2*/*.log")
    assert (
        f"splash is decided by p >= {point['threshold']:.4f}, chosen on 6 validation "
        f"frames at iteration 2"
    ) in log.read_text()


def test_a_given_threshold_is_that_of_the_curve(teacher, options, tmp_path):
    scores = load_scores(teacher / "scores" / "val_last.npz")
    assert scores.histogram is not None
    curve = threshold_curve(scores.histogram)
    index = round(BINS * stored(teacher, LAST)["operating_point"]["threshold"])
    index = index - 1 if index > 1 else index + 1
    text = str(index / BINS)
    metrics = evaluate(
        TEACHER, teacher / LAST, tmp_path, threshold=text, cfg_options=options
    )
    assert metrics["Dice.splash"] == pytest.approx(100 * curve.dice[index])


def test_at_a_half_a_test_is_as_the_validation(teacher, options, tmp_path):
    metrics = evaluate(
        TEACHER, teacher / LAST, tmp_path, threshold=0.5, cfg_options=options
    )
    validated = load_scores(teacher / "scores" / "val_last.npz")
    tested = load_scores(tmp_path / "scores.npz")
    assert np.array_equal(tested.confusion, validated.confusion)
    point = stored(teacher, LAST)["operating_point"]
    assert metrics["Dice.splash"] == pytest.approx(point["dice_at_half"])


def test_missing_point_of_weights_is_an_error(teacher, options, tmp_path):
    last = read_checkpoint(find_checkpoint(str(teacher / LAST)))
    path = tmp_path / "old.safetensors"
    write_weights(last["state_dict"], path, {**last["meta"], "operating_point": None})
    with pytest.raises(ValueError, match=r"old\.safetensors holds no operating point"):
        evaluate(
            TEACHER,
            path,
            tmp_path / "logs",
            threshold="stored",
            cfg_options=options,
        )
    assert not (tmp_path / "logs").exists()


def test_averaged_flips_with_a_threshold_are_refused(teacher, options, tmp_path):
    with pytest.raises(ValueError, match="--tta averages classes over flips"):
        evaluate(
            TEACHER,
            teacher / LAST,
            tmp_path,
            tta=True,
            threshold=0.4,
            cfg_options=options,
        )


def test_the_class_of_the_configs_hook_is_decided(teacher, options, tmp_path):
    cfg = options | {"custom_hooks.5.focus_class": "background"}
    evaluate(TEACHER, teacher / LAST, tmp_path, threshold=0.9, cfg_options=cfg)
    scores = load_scores(tmp_path / "scores.npz")
    assert scores.focus == "background"
    assert scores.histogram is not None
    index = math.ceil(0.9 * BINS)
    predicted = scores.confusion[:, :, 0].sum()
    assert predicted >= scores.histogram[:, :, index:].sum()
    assert predicted <= scores.histogram[:, :, index - 1 :].sum()
