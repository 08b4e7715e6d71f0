"""``ViewSampler``: number of views, separate seed, share of unlabelled frames."""

from collections import Counter
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import pytest
from mmengine.dataset import InfiniteSampler

from mmseg_splashkd.datasets.views import View, ViewSampler


class Frames:
    """Ten frames; the first four have a label."""

    labelled: list[bool] = [True] * 4 + [False] * 6

    def __len__(self) -> int:
        return len(self.labelled)


def drawn(count: int, dataset: Frames | None = None, **options: Any) -> list[View]:
    sampler: Any = ViewSampler(dataset or Frames(), **{"seed": 3, **options})
    return list(islice(sampler, count))


def test_views_repeat_after_the_last():
    views = drawn(70, views=3)

    assert [view.index for view in views] == [view.index for view in drawn(70)]
    assert [view.visit for view in views] == [i // 10 % 3 for i in range(70)]


def test_views_can_have_a_separate_seed():
    first, second = (drawn(30, seed=seed, view_seed=7) for seed in (0, 1))

    assert {view.seed for view in first + second} == {7}
    assert [view.index for view in first] != [view.index for view in second]
    assert {view.seed for view in drawn(5)} == {3}


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, 0.9])
def test_every_stretch_has_the_share_of_unlabelled_frames(share):
    views = drawn(400, unlabelled_share=share)

    unlabelled = np.array([view.index >= 4 for view in views])
    assert unlabelled.mean() == pytest.approx(share, abs=1 / 400)
    for batch in unlabelled.reshape(-1, 8):
        assert abs(batch.sum() - 8 * share) <= 1


def test_each_kind_has_separate_visits():
    views = drawn(400, unlabelled_share=0.5)

    for kind in (range(4), range(4, 10)):
        of_kind = [view for view in views if view.index in kind]
        counts = Counter(view.index for view in of_kind)
        assert max(counts.values()) - min(counts.values()) <= 1
        assert [v.visit for v in of_kind] == [i // len(kind) for i in range(200)]


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_every_rank_draws_the_same_mixture(share, monkeypatch):
    per_rank = []
    for rank in range(2):
        monkeypatch.setattr(
            "mmengine.dataset.sampler.get_dist_info", lambda rank=rank: (rank, 2)
        )
        per_rank.append(drawn(200, unlabelled_share=share))

    kinds = [[view.index >= 4 for view in views] for views in per_rank]
    assert kinds[0] == kinds[1]
    assert np.mean(kinds[0]) == pytest.approx(share, abs=1 / 200)
    together = Counter(view[:2] for views in per_rank for view in views)
    assert max(together.values()) == 1  # no view twice, on any rank


def test_order_without_a_share_is_that_of_mmengine():
    reference = InfiniteSampler(Frames(), seed=3)  # type: ignore[arg-type]
    assert [view.index for view in drawn(50)] == [int(i) for i in islice(reference, 50)]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 1.5])
def test_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match=r"unlabelled_share must lie in \(0, 1\)"):
        drawn(1, unlabelled_share=share)


@pytest.mark.parametrize("labelled", [True, False])
def test_share_of_a_data_set_with_one_kind_is_refused(labelled):
    frames = Frames()
    frames.labelled = [labelled] * 5
    with pytest.raises(ValueError, match="unlabelled='include'"):
        drawn(1, frames, unlabelled_share=0.5)


def test_zero_views_are_refused():
    with pytest.raises(ValueError, match="views must be >= 1, got 0"):
        drawn(1, views=0)


class SplashFrames(Frames):
    """Ten frames; three of the labelled ones have class 1."""

    metainfo: ClassVar = {"classes": ("background", "splash")}
    with_class: tuple[int, ...] = (0, 2, 3)

    def get_data_info(self, index: int) -> dict:
        return {"seg_map_path": f"{index}.png"} if self.labelled[index] else {}

    def get_cat_ids(self, index: int) -> list[int]:
        assert self.labelled[index]
        return [0, 1] if index in self.with_class else [0]


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_every_stretch_has_the_share_of_frames_with_a_class(share):
    views = drawn(400, SplashFrames(), focus_share=share)

    focus = np.array([view.index in SplashFrames.with_class for view in views])
    assert focus.mean() == pytest.approx(share, abs=1 / 400)
    for batch in focus.reshape(-1, 8):
        assert abs(batch.sum() - 8 * share) <= 1
    assert {view.index for view in views} == set(range(10))


def test_the_focus_class_may_be_named():
    common = drawn(200, SplashFrames(), focus_share=0.4, focus_class="background")
    assert sum(view.index < 4 for view in common) == 80


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"focus_share": 1.0}, r"focus_share must lie in \(0, 1\), got 1.0"),
        ({"focus_share": 0.5, "unlabelled_share": 0.5}, "give one of them"),
        ({"focus_class": "splash"}, "focus_class='splash' has no effect without"),
        ({"focus_share": 0.5, "focus_class": "foam"}, "take one of .*'splash'"),
    ],
)
def test_a_focus_that_has_no_effect_or_sense_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        drawn(1, SplashFrames(), **options)


def test_a_focus_share_of_frames_of_one_kind_is_refused():
    frames = SplashFrames()
    frames.with_class = ()
    with pytest.raises(ValueError, match=r"has 0 and 10: omit it"):
        drawn(1, frames, focus_share=0.5)
