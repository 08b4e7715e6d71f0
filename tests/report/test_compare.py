"""Differences as sentences and tables."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from mmseg_splashkd.records.record import Change
from mmseg_splashkd.records.store import Run
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.compare import changed_runs
from mmseg_splashkd.report.comparison_tables import (
    as_json,
    as_markdown,
    print_comparison,
)
from mmseg_splashkd.report.words import explanation, points, verdict_in_words
from mmseg_splashkd.statistics import (
    Comparison,
    Difference,
    FoldSeed,
    Settings,
    compare,
)
from mmseg_splashkd.statistics.equivalence import equivalence_of, equivalence_p
from mmseg_splashkd.statistics.intervals import interval_of
from tests.records.builders import record
from tests.statistics.builders import arms, pair


def difference(value: float, error: float, **changes) -> Difference:
    """A difference on 60 frames."""
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


@pytest.mark.parametrize(
    ("value", "error", "more", "ends", "words"),
    [
        (0.1, 0.1, 0, "-0.1 to 0.3", "Equivalent: shown to be "),
        (-0.9, 0.1, None, "-1.1 to -0.7", ", and worse."),
        (0.4, 0.1, 0, "0.2 to 0.6", ", and better."),
        (
            *(0.1, 0.6, 2345, "-1.1 to 1.3"),
            ": about 2,400 more frames show it with a power of 80 % if they are equal.",
        ),
        (
            *(0.1, 0.3, 0, "-0.5 to 0.7"),
            ": so many frames show it with a power of 80 % if they are equal.",
        ),
        (
            *(0.1, 0.6, None, "-1.1 to 1.3"),
            ": no number of frames that could be had is enough.",
        ),
    ],
)
def test_whether_it_is_as_good(
    value: float, error: float, more: int | None, ends: str, words: str
):
    found = difference(value, error)
    assert found.interval is not None
    p = equivalence_p(found.interval, 0.5)
    answer = equivalence_of(found.interval, 0.5, p, found.verdict, more)
    said = explanation(replace(found, equivalence=answer))[0]
    within = f"within 0.5 points of plain (90 % interval {ends})"
    is_shown = words.startswith("Equivalent")
    negated = f"Not shown to be {within}{words}"
    assert said == (f"{words}{within}." if is_shown else negated)


def test_an_answer_among_several_does_not_contradict_its_interval():
    found = difference(0.1, 0.15, comparisons=3)
    assert found.interval is not None
    p = 3 * equivalence_p(found.interval, 0.5)
    assert 0.05 < p < 0.15
    answer = equivalence_of(found.interval, 0.5, p, found.verdict, 0)
    assert explanation(replace(found, equivalence=answer))[0] == (
        "Not shown to be within 0.5 points of plain among 3 comparisons, although one "
        "alone is (90 % interval -0.2 to 0.4): so many frames show it with a power of "
        "80 % if they are equal, in a comparison alone."
    )
    seeds = replace(found, method="frames and runs", comparisons=1)
    wide = interval_of(0.1, 1.0, 5)
    answer = equivalence_of(wide, 0.5, 0.3, "cannot tell", None)
    said = explanation(replace(seeds, interval=wide, equivalence=answer))[0]
    assert said.endswith(": more frames alone are not enough, more seeds are needed.")


def test_the_table_has_the_answer_when_asked(comparison: Comparison):
    assert "Within" not in as_markdown(comparison)
    first, *others = comparison.differences
    assert first.interval is not None
    answer = equivalence_of(first.interval, 0.5, 0.01, first.verdict, 0)
    asked = replace(
        comparison, differences=(replace(first, equivalence=answer), *others)
    )
    text = as_markdown(asked)
    assert "Within 0.5 points |" in text
    assert f"| {first.verdict} | equivalent |" in text
    assert text.count("| no verdict |") == len(others)
    assert as_json(asked)["differences"][0]["equivalence"]["verdict"] == "equivalent"


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
            "cannot tell apart: no number of frames is enough for a difference as "
            "small as this (0.0 points better, 95 % interval -0.9 to 0.9, on 60 "
            "frames)",
        ),
        (
            difference(0.35, 0.35, more_frames=None, method="frames and runs"),
            "cannot tell apart: more frames alone are not enough, more seeds are "
            "needed (0.3 points better, 95 % interval -0.5 to 1.2, on 60 frames)",
        ),
        (
            difference(0.85, 0.3, verdict="cannot tell", comparisons=3, p=0.09),
            "cannot tell apart among 3 comparisons, although a single comparison "
            "would be significant: 0.8 points better, 95 % interval 0.1 to 1.6, on 60 "
            "frames",
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


def words_on(found: Difference) -> str:
    return " ".join(explanation(found))


def test_explanations():
    assert "holds for these two runs on other frames" in words_on(difference(0.85, 0.3))
    rate = words_on(difference(0.85, 0.3, false_claims=(60, 7.25)))
    assert "On 60 frames, 7.2 % of simulated comparisons" in rate
    assert "Neighbouring blocks" in words_on(difference(0.85, 0.3, correlated=True))
    seeds = words_on(difference(0.85, 0.3, method="frames and runs", pairs=3))
    assert "from 3 pairs of runs on the same frames" in seeds
    assert "Two pairs" not in seeds
    two = words_on(difference(0.85, 0.3, method="frames and runs", pairs=2))
    assert "Two pairs estimate the variance of training poorly" in two
    pooled = interval_of(0.9, 0.04, 8)
    folds = words_on(difference(0.85, 0.3, method="folds", pairs=15, pooled=pooled))
    assert "15 pairs of runs, each on the frames of its fold" in folds
    assert "All folds pooled: 0.9 points better" in folds
    assert words_on(difference(0.3, 0.1, interval=None)) == ""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            difference(0.35, 0.35),
            "To detect a difference of 1 point, about 41 more frames are needed",
        ),
        (difference(0.1, 0.2), "A difference of 1 point is ruled out"),
        (
            difference(0.35, 0.35, more_frames_for_worth=0),
            "A difference of 1 point would be detected",
        ),
        (
            difference(0.35, 0.35, more_frames_for_worth=None, worth=0.5),
            "No number of frames would detect a difference of 0.5 points",
        ),
    ],
)
def test_relevance(found: Difference, words: str):
    assert words in words_on(found)


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


def test_runs_that_were_changed_midway_are_named():
    changes = (Change(2, "processes", "1", "2"), Change(2, "load_from", "1", "2"))
    changed = Run(record(1, changes=changes), Path("run1"))
    found = ArmRuns(
        arms(pair(10))[0],
        {FoldSeed(0, 0): Run(record(), Path("run0")), FoldSeed(0, 1): changed},
        "",
    )
    told = [
        "run1 was changed while it was resumed: processes at iteration 2 (1, then 2)."
    ]
    assert changed_runs([found]) == told
