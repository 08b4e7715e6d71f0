import re
from dataclasses import replace

import pytest

from mmseg_splashkd.datasets.splits.by_time import (
    hold_out,
    split_by_time,
    split_per_recording,
)
from mmseg_splashkd.datasets.splits.embargo import Embargo
from mmseg_splashkd.datasets.splits.folds import (
    blocked_folds,
    grouped_folds,
    stratified_folds,
)
from mmseg_splashkd.datasets.splits.plan import SplitPlan
from tests.datasets.splits.timelines import frame, line, parts

NEAR = Embargo(frames=1)
FRAMES = [
    frame(5 * n + k, recording, splash_share=0.1 * (n % 2))
    for n in range(20)
    for k, recording in enumerate("abcdef")
]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, split_by_time(FRAMES)),
        ({"ratios": [6, 2, 2]}, split_by_time(FRAMES, (0.6, 0.2, 0.2))),
        ({"embargo": NEAR}, split_by_time(FRAMES, embargo=NEAR)),
        (
            {"strategy": "per-recording", "ratios": [1, 1, 0], "embargo": NEAR},
            split_per_recording(FRAMES, (0.5, 0.5, 0), NEAR),
        ),
        ({"strategy": "stratified"}, stratified_folds(FRAMES)),
        (
            {"strategy": "stratified", "folds": 3, "seed": 7, "test_share": 0.2},
            stratified_folds(hold_out(FRAMES, 0.2), 3, 7),
        ),
        (
            {"strategy": "blocked", "embargo": NEAR, "test_share": 0.1},
            blocked_folds(hold_out(FRAMES, 0.1, NEAR), 5, NEAR),
        ),
        (
            {"strategy": "grouped", "folds": 2, "seed": 3, "test_share": 0.3},
            grouped_folds(hold_out(FRAMES, 0.3, whole_recordings=True), 2, 3),
        ),
    ],
)
def test_plan_applies_its_strategy(options: dict, expected: list):
    assert SplitPlan(**options).apply(FRAMES) == expected


def test_plan_of_lists():
    frames = [replace(f, image=f"{n}.png") for n, f in enumerate(line(4))]
    lists = {"train": ["0"], "test": ["2", "3"]}
    plan = SplitPlan("list", lists=lists, unlisted="embargo")
    assert parts(plan.apply(frames)) == "teTT"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "odd"}, "strategy='odd' is not one of time, per-recording"),
        ({"folds": 5}, "strategy 'time' takes no folds"),
        ({"strategy": "blocked", "seed": 0}, "strategy 'blocked' takes no seed"),
        ({"strategy": "blocked", "ratios": [7, 2, 1]}, "'blocked' takes no ratios"),
        (
            {"strategy": "random", "ratios": [7, 2, 1], "folds": 3},
            "strategy 'random' takes ratios (parts) or folds (folds), not both",
        ),
        ({"strategy": "random", "group": "a"}, "strategy 'random' takes no group"),
        ({"strategy": "list"}, "strategy 'list' needs lists"),
        ({"lists": {}}, "strategy 'time' takes no lists"),
        ({"strategy": "stratified", "unlabelled": True}, "need a label for every"),
        ({"ratios": [0, 0, 0]}, "ratios=(0, 0, 0) must have a sum above 0"),
    ],
)
def test_unsupported_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        SplitPlan(**options)


def test_empty_part_is_refused_unless_its_ratio_is_0():
    with pytest.raises(ValueError, match=r"no frame is left for test \(train 2, val 1"):
        SplitPlan().apply(line(3))
    assert parts(SplitPlan(ratios=[2, 1, 0]).apply(line(3))) == "ttv"
    with pytest.raises(ValueError, match=r"for val \(train 7, val 0, .* embargo 2\)"):
        SplitPlan(embargo=Embargo(seconds=10)).apply(line(10))
    frames = [replace(f, image=f"{n}.png") for n, f in enumerate(line(2))]
    plan = SplitPlan("list", embargo=NEAR, lists={"train": ["0"], "test": ["1"]})
    with pytest.raises(ValueError, match="no frame is left for train"):
        plan.apply(frames)


@pytest.mark.parametrize("strategy", ["time", "per-recording", "blocked", "grouped"])
def test_unlabelled_frames_need_the_option(strategy: str):
    frames = [*FRAMES, frame(500, "a", label="")]
    message = f"1 of 121 frames have no label, the first is {frames[-1].image}"
    with pytest.raises(ValueError, match=message):
        SplitPlan(strategy).apply(frames)
    assert len(SplitPlan(strategy, unlabelled=True).apply(frames)) == 121


def test_embargo_of_stratified_folds_needs_a_test_part():
    plan = SplitPlan("stratified", embargo=NEAR)
    with pytest.raises(ValueError, match="stratified folds hold neighbouring frames"):
        plan.apply(FRAMES)
    given = [replace(f, split="test") if f.recording == "a" else f for f in FRAMES]
    split = plan.apply(given)
    assert {f.split for f in split if f.recording == "a"} == {"test"}
    assert sum(f.split == "embargo" for f in split) > 0
