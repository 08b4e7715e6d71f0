"""Runs on disk to arms, and differences to words and tables."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mmseg_splashkd.report.comparison import (
    as_json,
    as_markdown,
    explanation,
    print_comparison,
    read_arms,
    verdict_in_words,
)
from mmseg_splashkd.report.comparison.words import points
from rich.console import Console

from mmseg_splashkd.evaluation.frame_scores import save_scores
from mmseg_splashkd.statistics import (
    Comparison,
    Difference,
    FoldSeed,
    Settings,
    compare,
)
from mmseg_splashkd.statistics.intervals import interval_of
from tests.statistics.builders import arms, pair, tiny

A, B = [[8, 2], [1, 9]], [[9, 1], [1, 9]]


def run(
    folder: Path, confusion: list[list[int]] = A, file: str = "scores/val_last.npz"
):
    """A run that left scores."""
    part, _, weights = Path(file).stem.partition("_")
    save_scores(tiny(confusion, 60, part=part, weights=weights), folder / file)
    return folder


def names(found) -> list[tuple[str, list[FoldSeed]]]:
    return [(arm.name, list(arm.runs)) for arm in found]


def test_test_part_first_and_last_weights(tmp_path: Path):
    folder = run(tmp_path / "a")

    def part(**options) -> str:
        about = read_arms([folder], **options)[0].first.about
        return f"{about['part']} {about['weights']}"

    assert part() == "val last"
    run(folder, file="scores/test_last.npz")
    run(folder, file="scores/val_best.npz")
    assert part() == "test last"
    assert part(part="val") == "val last"
    assert part(part="val", weights="best") == "val best"


def test_what_a_run_may_be(tmp_path: Path):
    work = run(tmp_path / "a_1125")
    test = run(tmp_path / "tested", B, "scores.npz")
    file = run(tmp_path / "b", B, "mine.npz") / "mine.npz"
    assert [arm.name for arm in read_arms([work, test, file])] == [
        "a_1125",
        "tested",
        "mine",
    ]


def test_a_pattern_is_an_arm(tmp_path: Path):
    for arm in ("plain_1125", "kd_1125_50"):
        for fold in (0, 1):
            run(tmp_path / f"{arm}_fold{fold}_seed3")
    (tmp_path / "plain_1125_fold0_seed3.log").touch()  # fits, and is no run
    found = read_arms([tmp_path / "plain_*", tmp_path / "kd_*"])
    cells = [FoldSeed(0, 3), FoldSeed(1, 3)]
    assert names(found) == [("plain_1125", cells), ("kd_1125_50", cells)]
    # Not quoted, the shell makes single runs of it: the arms are the same.
    assert names(read_arms(sorted(tmp_path.glob("*seed3")))) == names(found)[::-1]
    with pytest.raises(
        ValueError, match=r"fits runs of 2 arms \(kd_1125_50, plain_1125"
    ):
        read_arms([tmp_path / "*_1125*"])


def test_runs_of_one_arm_alone_are_compared_with_each_other(tmp_path: Path):
    runs = [run(tmp_path / f"plain_1125_seed{seed}") for seed in range(3)]
    assert [arm.name for arm in read_arms(runs)] == [path.name for path in runs]


def test_equal_names_are_told_apart(tmp_path: Path):
    runs = [run(tmp_path / sweep / "plain_1125") for sweep in ("x", "y")]
    assert [arm.name for arm in read_arms(runs)] == ["x/plain_1125", "y/plain_1125"]
    with pytest.raises(ValueError, match=r"plain_1125 is given twice"):
        read_arms([runs[0], runs[0]])


def test_what_is_missing_is_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"there is no run .*/nowhere, nor one"):
        read_arms([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        FileNotFoundError,
        match=r"holds no scores/test_last.npz or scores/val_last.npz or scores.npz: it",
    ):
        read_arms([tmp_path / "empty"])
    with pytest.raises(FileNotFoundError, match=r"holds no scores/val_best.npz: it"):
        read_arms([run(tmp_path / "a")], "val", "best")
    with pytest.raises(ValueError, match="part='train'"):
        read_arms([tmp_path], part="train")


def difference(value: float, error: float, **changes) -> Difference:
    """What 60 frames told."""
    interval = interval_of(value, error**2, 5)
    claim = "better" if value > 0 else "worse"
    found = Difference(
        baseline="plain",
        arm="kd",
        metric="mIoU",
        method="frames",
        pairs=1,
        frames=60,
        blocks=6,
        value=value,
        interval=interval,
        pooled=None,
        p=interval.p,
        comparisons=1,
        verdict=claim if interval.p < 0.05 else "cannot tell",
        more_frames=237,
        worth=1.0,
        more_frames_for_worth=41,
        false_claims=None,
        correlated=False,
    )
    return replace(found, **changes)


# Student's t with 5 degrees of freedom: 2.571.
@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            difference(0.85, 0.3),
            "0.8 points better, 95 % interval 0.1 to 1.6, on 60 frames",
        ),
        (
            difference(-0.85, 0.3),
            "0.8 points worse, 95 % interval -1.6 to -0.1, on 60 frames",
        ),
        (
            difference(0.35, 0.35),
            "cannot tell apart: about 240 more frames would be needed (0.3 points "
            "better, 95 % interval -0.5 to 1.2, on 60 frames)",
        ),
        (
            difference(0.03, 0.35, more_frames=None),
            "cannot tell apart: no number of frames would do for a difference as small "
            "as this (0.0 points better, 95 % interval -0.9 to 0.9, on 60 frames)",
        ),
        (
            difference(0.35, 0.35, more_frames=None, method="frames and runs"),
            "cannot tell apart: more frames alone would not do, only more seeds (0.3 "
            "points better, 95 % interval -0.5 to 1.2, on 60 frames)",
        ),
        (
            difference(0.85, 0.3, verdict="cannot tell", comparisons=3, p=0.09),
            "cannot tell apart among 3 comparisons, though alone it would count: 0.8 "
            "points better, 95 % interval 0.1 to 1.6, on 60 frames",
        ),
        (
            difference(0.0, 0.0),
            "cannot tell apart: the same scores on all 60 frames",
        ),
        (
            difference(0.3, 0.1, interval=None, blocks=3, frames=20),
            "no verdict: 20 frames make 3 blocks, and 5 are needed",
        ),
        (
            replace(difference(0.3, 0.1, interval=None), value=np.nan),
            "no verdict: no frame has a pixel of the class",
        ),
    ],
)
def test_verdicts(found: Difference, words: str):
    assert verdict_in_words(found) == words


def test_figures_have_as_many_digits_as_they_need():
    assert points(0.85, 0.08, 1.62) == ["0.8", "0.1", "1.6"]
    assert points(0.85, 0.02, 1.68) == ["0.85", "0.02", "1.68"]
    assert points(0.85, 0.0004, 1.7) == ["0.8500", "0.0004", "1.7000"]
    assert points(-0.01, -2.0, 1.98) == ["0.0", "-2.0", "2.0"]
    assert points(0.0, 0.0, 0.0) == ["0.0", "0.0", "0.0"]


def told(found: Difference) -> str:
    return " ".join(explanation(found))


def test_what_is_told_besides():
    assert "about these two runs on other frames" in told(difference(0.85, 0.3))
    rate = told(difference(0.85, 0.3, false_claims=(60, 7.25)))
    assert "On 60 frames, runs that do not differ were told apart in 7.2 %" in rate
    assert "Neighbouring blocks" in told(difference(0.85, 0.3, correlated=True))
    seeds = told(difference(0.85, 0.3, method="frames and runs", pairs=3))
    assert "from 3 pairs of runs on the same frames" in seeds
    assert "Two pairs say little" not in seeds
    two = told(difference(0.85, 0.3, method="frames and runs", pairs=2))
    assert "Two pairs say little about luck" in two
    pooled = interval_of(0.9, 0.04, 8)
    folds = told(difference(0.85, 0.3, method="folds", pairs=15, pooled=pooled))
    assert "15 pairs of runs, each on the frames of its fold" in folds
    assert "On all folds' frames as one: 0.9 points better" in folds
    assert told(difference(0.3, 0.1, interval=None)) == ""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (difference(0.35, 0.35), "of 1 point, about 41 more frames would be needed"),
        (difference(0.1, 0.2), "A difference of 1 point is ruled out"),
        (
            difference(0.35, 0.35, more_frames_for_worth=0),
            "A difference of 1 point would have shown",
        ),
        (
            difference(0.35, 0.35, more_frames_for_worth=None, worth=0.5),
            "More frames would not show a difference of 0.5 points either",
        ),
    ],
)
def test_a_difference_worth_having(found: Difference, words: str):
    assert words in told(found)


@pytest.fixture
def comparison() -> Comparison:
    return compare(arms(pair(100, better=0.3)), Settings(resamples=200))


def test_tables(comparison: Comparison):
    console = Console(file=io.StringIO(), width=200)
    print_comparison(comparison, console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    markdown = as_markdown(comparison)
    interval = comparison.arms[1].intervals["mIoU"]
    assert interval is not None
    scores = f"{interval.value:.1f} ({interval.low:.1f} to {interval.high:.1f})"
    for text in (printed, markdown):
        assert scores in text
        for found in comparison.differences:
            assert f"B, {found.metric}: {verdict_in_words(found)}." in text
        assert "Differences are from A." in text
    assert "| B | 1 | 100 | 8 |" in markdown


def test_names_cannot_break_tables(comparison: Comparison):
    odd = replace(comparison.arms[1], name="[red]a|b")
    changed = replace(comparison, arms=(comparison.arms[0], odd))
    console = Console(file=io.StringIO(), width=200)
    print_comparison(changed, console)
    assert "[red]a|b" in console.file.getvalue()  # type: ignore[attr-defined]
    assert "| [red]a\\|b | 1 |" in as_markdown(changed)


def test_json_has_all_figures(comparison: Comparison):
    values = json.loads(json.dumps(as_json(comparison), allow_nan=False))
    row, found = values["differences"][0], comparison.differences[0]
    assert found.interval is not None
    assert row["interval"]["high"] == found.interval.high
    assert row["words"] == verdict_in_words(found)
    assert values["arms"][1]["scores"]["mIoU"] == comparison.arms[1].scores["mIoU"]
    nowhere = replace(comparison.arms[1], scores={"mIoU": np.nan})
    changed = as_json(replace(comparison, arms=(nowhere,)))
    assert changed["arms"][0]["scores"]["mIoU"] is None
