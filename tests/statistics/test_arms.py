"""Arms, pairs of runs, and alignment of frames."""

from dataclasses import replace

import numpy as np
import pytest

from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.statistics import Arm, FoldSeed, arm_of
from mmseg_splashkd.statistics.arms import common_runs, lay_out
from mmseg_splashkd.statistics.metrics import areas_of
from mmseg_splashkd.statistics.simulation import scores_of
from tests.statistics.builders import ONLY, pair, tiny

COUNTS = pair(20)[0]


def grid(name: str, cells: list[tuple[int | None, int]], frames: int = 4) -> Arm:
    """Runs by (fold, seed), fold k validating ``frames`` frames from k on."""
    runs = []
    for fold, seed in cells:
        first = frames * (fold or 0)
        part = COUNTS[first : first + frames]
        runs.append((FoldSeed(fold, seed), scores_of(part, first)))
    return arm_of(name, runs)


def test_runs_are_identified_by_the_given_identity_not_by_name():
    scores = tiny([[1, 0], [0, 1]], run="x_fold2_seed3", fold=1, seed=7)
    arm = arm_of("x", [(FoldSeed(0, 0), scores), (FoldSeed(None, 5), scores)])
    assert list(arm.runs) == [FoldSeed(0, 0), FoldSeed(None, 5)]
    assert [str(run) for run in arm.runs] == ["fold 0, seed 0", "seed 5"]
    assert str(ONLY) == "without fold and seed"


def test_two_runs_of_one_identity_are_refused():
    runs = [(FoldSeed(None, 7), tiny([[1, 0], [0, 1]], run=name)) for name in "ab"]
    with pytest.raises(ValueError, match=r"arm x: a and b are both seed 7; give one"):
        arm_of("x", runs)
    with pytest.raises(ValueError, match="arm x has no runs"):
        arm_of("x", [])


def test_pairs():
    arms = [grid("A", [(None, 0), (None, 1)]), grid("B", [(None, 1), (None, 2)])]
    assert common_runs(arms) == [FoldSeed(None, 1)]


def test_a_seed_without_all_folds_is_left_out():
    arms = [
        grid("A", [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)]),
        grid("B", [(0, 0), (1, 0), (0, 1), (0, 2), (1, 2)]),
    ]
    assert common_runs(arms) == [
        FoldSeed(0, 0),
        FoldSeed(0, 2),
        FoldSeed(1, 0),
        FoldSeed(1, 2),
    ]


def test_single_runs_pair_regardless_of_seeds():
    arms = [grid("A", [(None, 0)]), grid("B", [(None, 5)])]
    cells = common_runs(arms)
    assert lay_out(arms[1], cells, arms[0]).areas.shape == (1, 4, 3, 2)


def test_no_pair_is_refused():
    arms = [grid("A", [(None, 0), (None, 1)]), grid("B", [(None, 2), (None, 3)])]
    with pytest.raises(ValueError, match=r"no pair .*A: seed 0 / seed 1; B: seed 2"):
        common_runs(arms)


def test_seeds_lie_on_the_same_frames():
    arm = grid("A", [(None, 0), (None, 1)])
    layout = lay_out(arm, common_runs([arm]))
    assert layout.areas.shape == (2, 4, 3, 2)
    assert (layout.folds, layout.overlap) == (1, 0)
    assert (layout.areas == areas_of(COUNTS[:4])).all()


def test_folds_are_pooled_seed_by_seed():
    arm = grid("A", [(fold, seed) for fold in range(4) for seed in range(2)])
    layout = lay_out(arm, common_runs([arm]))
    assert layout.areas.shape == (2, 16, 3, 2)
    assert (layout.areas == areas_of(COUNTS[:16])).all()
    assert layout.fold.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    assert layout.folds == 4
    assert layout.overlap == pytest.approx(1 / 3)


def test_runs_of_folds_on_one_test_part_are_runs_on_the_same_frames():
    runs = [
        (FoldSeed(fold, seed), scores_of(COUNTS))
        for fold in range(3)
        for seed in range(2)
    ]
    arm = arm_of("A", runs)
    layout = lay_out(arm, common_runs([arm]))
    assert layout.areas.shape == (6, 20, 3, 2)
    assert layout.folds == 1
    assert layout.overlap == pytest.approx(1 / 2)


def test_folds_that_share_some_frames_are_refused():
    runs = [(FoldSeed(n, 0), scores_of(COUNTS[:5], n)) for n in (0, 1)]
    arm = arm_of("A", runs)
    with pytest.raises(ValueError, match="folds share some frames but not all"):
        lay_out(arm, common_runs([arm]))


def shuffled(scores: FrameScores, order: np.ndarray) -> FrameScores:
    return replace(
        scores,
        confusion=scores.confusion[order],
        frames=tuple(scores.frames[i] for i in order),
        recordings=tuple(scores.recordings[i] for i in order),
        timestamps=scores.timestamps[order],
    )


def lay_out_b(a: FrameScores, b: FrameScores) -> np.ndarray:
    arms = [arm_of("A", [(ONLY, a)]), arm_of("B", [(ONLY, b)])]
    return lay_out(arms[1], common_runs(arms), arms[0]).areas


def test_frames_are_matched_by_time_in_any_order_and_folder():
    a, b = (scores_of(counts) for counts in pair(20))
    moved = shuffled(b, np.random.default_rng(0).permutation(20))
    moved = replace(moved, frames=tuple(f"elsewhere/{f}" for f in moved.frames))
    assert (lay_out_b(a, moved) == areas_of(b.confusion)).all()


def test_frames_without_time_are_matched_by_name():
    a, b = (
        replace(scores_of(counts), timestamps=np.full(20, -1)) for counts in pair(20)
    )
    moved = shuffled(b, np.arange(20)[::-1])
    assert (lay_out_b(a, moved) == areas_of(b.confusion)).all()


@pytest.mark.parametrize(
    ("b", "message"),
    [
        (tiny([[5, 1], [2, 3]], 7), r"frames: 1 of 7 only in the first, 0 of 6 only"),
        (tiny([[5, 1], [2, 3]], 5), r"frames: 0 of 5 only in the first, 1 of 6 only"),
        (
            tiny([[5, 1], [2, 3]], 6, ("sea", "splash")),
            r"classes: \('sea', 'splash'\) and \('water', 'splash'\)",
        ),
        (tiny([[5, 1], [1, 4]], 6), r"labels: the true pixels of 0 of 6|nothing"),
        (tiny([[5, 2], [1, 3]], 6), r"labels: the true pixels of 6 of 6 frames differ"),
    ],
)
def test_differences_are_named(b: FrameScores, message: str):
    a = tiny([[5, 1], [2, 3]], 6)
    if message.endswith("nothing"):  # the same truth, predicted otherwise
        assert (lay_out_b(a, b)[0, :, 2] == [6, 5]).all()
        return
    with pytest.raises(ValueError, match=f"B and A were tested on different {message}"):
        lay_out_b(a, b)


def test_a_frame_twice_is_refused():
    a = tiny([[5, 1], [2, 3]], 6)
    twice = replace(a, timestamps=np.array([0, 1, 2, 3, 4, 4]) * 10**9)
    with pytest.raises(ValueError, match=r"two frames 4000000000 of recording \."):
        lay_out_b(a, twice)
