from dataclasses import replace

import numpy as np
import pytest

from mmseg_splashkd.evaluation.frame_scores import save_scores
from mmseg_splashkd.report.compare import compare_runs, read_arms
from tests.statistics.drawn import best_threshold, confusion, drawn


@pytest.fixture
def bold_and_shy(tmp_path):
    """Two arms with the same ranking of pixels, one under-confident; two folds each."""
    for name, boldness in (("bold", 1.0), ("shy", 0.5)):
        for fold in (0, 1):
            folder = tmp_path / f"{name}_fold{fold}_seed0" / "scores"
            for part, first in (("val", 100 * fold), ("test", 1000)):
                scores = drawn(fold, first, boldness, frames=60)[2]
                scores = replace(scores, about={"part": part, "fold": fold, "seed": 0})
                save_scores(scores, folder / f"{part}_last.npz")
    return [str(tmp_path / f"{name}_fold*_seed0") for name in ("bold", "shy")]


def dice_of(comparison) -> list[float]:
    return [arm.scores["Dice.splash"] for arm in comparison.arms]


@pytest.mark.parametrize("part", ["val", "test"])
def test_an_operating_point_has_higher_recall_than_argmax(bold_and_shy, part, capsys):
    options = {"part": part, "metrics": ["Dice.splash"], "resamples": 100}
    by_argmax = compare_runs(bold_and_shy, operating_point=False, **options)
    decided = compare_runs(bold_and_shy, operating_point=True, **options)
    assert dice_of(by_argmax)[1] == 0
    assert dice_of(decided)[1] == pytest.approx(dice_of(decided)[0], abs=1.0)
    assert "threshold" in capsys.readouterr().out


def test_test_part_is_decided_at_the_threshold_of_the_validation_part(bold_and_shy):
    bold = read_arms(bold_and_shy, "test", operating_point=True)[0].arm
    for fold, (_, run) in enumerate(sorted(bold.runs.items())):
        probability, label, _ = drawn(fold, frames=60)
        threshold = best_threshold(probability, label)
        assert run.about["threshold"] == threshold
        assert np.array_equal(run.confusion, confusion(probability >= threshold, label))
