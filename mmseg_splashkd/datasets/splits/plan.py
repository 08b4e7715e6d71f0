"""Split plan: one strategy with its options, validated together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.split_table import SPLITS, without_split
from mmseg_splashkd.datasets.splits.at_random import random_folds, split_at_random
from mmseg_splashkd.datasets.splits.by_time import (
    RATIOS,
    check_not_empty,
    hold_out,
    split_by_list,
    split_by_time,
    split_per_recording,
)
from mmseg_splashkd.datasets.splits.embargo import NO_EMBARGO, Embargo, keep_apart
from mmseg_splashkd.datasets.splits.folds import (
    blocked_folds,
    grouped_folds,
    stratified_folds,
)
from mmseg_splashkd.datasets.splits.left_out import (
    check_pattern,
    find_left_out,
    split_without,
)

OPTIONS = {  # strategy -> options it accepts
    "time": {"ratios", "embargo"},
    "per-recording": {"ratios", "embargo"},
    "list": {"lists", "unlisted", "embargo"},
    "stratified": {"folds", "seed", "test_share", "embargo"},
    "blocked": {"folds", "test_share", "embargo"},
    "grouped": {"ratios", "folds", "seed", "test_share", "embargo", "group"},
    "random": {"ratios", "folds", "seed", "test_share"},
}
FOLDS = 5


@dataclass(frozen=True)
class SplitPlan:
    """A split strategy and its options; None means the strategy's default.

    Args:
        strategy: ``'time'`` (all recordings as one time line; the default),
            ``'per-recording'``, ``'list'``, folds: ``'stratified'``, ``'blocked'``, or
            parts with ``ratios``, else folds: ``'grouped'``, or folds with ``folds``,
            else parts: ``'random'``. Frames without time take ``'list'``,
            ``'stratified'``, ``'grouped'`` or ``'random'``.
        ratios: Ratio of train, val and test, at least 0, in any unit; default 7:2:1.
            Not with ``folds`` or ``test_share``.
        embargo: Minimum distance between parts; for stratified folds, of the test part
            only. Default none.
        folds: Number of folds, at least 2; default 5.
        seed: Seed of stratified, grouped and random splits; default 0.
        test_share: Share of frames, the newest ones, held out of the folds, in [0, 1);
            default 0. At random for ``'random'`` and for frames without time.
        group: Regular expression of the groups that ``'grouped'`` keeps whole, see
            ``groups_of``; default: recordings.
        leave_out: Regular expression of the recordings, or with ``group`` of the
            groups, that are held out whole for the test part, see ``find_left_out``;
            the strategy splits the others. Not with ``'list'``. Default: none.
        lists: Part -> names of its frames, for ``'list'``.
        unlisted: Treatment of frames in no list: ``'error'`` (default) or
            ``'embargo'``.
        unlabelled: Accept frames without a label; default False.

    Raises:
        ValueError: The strategy is unknown, lacks a required option, or does not
            accept an option.
    """

    strategy: str = "time"
    ratios: Sequence[float] | None = None
    embargo: Embargo | None = None
    folds: int | None = None
    seed: int | None = None
    test_share: float | None = None
    lists: Mapping[str, Sequence[str]] | None = None
    unlisted: str | None = None
    group: str | None = None
    leave_out: str | None = None
    unlabelled: bool = False

    def __post_init__(self) -> None:
        if self.strategy not in OPTIONS:
            raise ValueError(
                f"strategy={self.strategy!r} is not one of {', '.join(OPTIONS)}"
            )
        for option in sorted(set().union(*OPTIONS.values()) - OPTIONS[self.strategy]):
            if getattr(self, option) is not None:
                raise ValueError(f"strategy {self.strategy!r} takes no {option}")
        if self.strategy == "list" and not self.lists:
            raise ValueError("strategy 'list' needs lists")
        if self.strategy == "stratified" and self.unlabelled:
            raise ValueError(
                "stratified folds need a label for every frame: do not give unlabelled"
            )
        if self.leave_out is not None:
            self._check_leave_out(self.leave_out)
        for option in ("folds", "test_share"):
            if self.ratios is not None and getattr(self, option) is not None:
                raise ValueError(
                    f"strategy {self.strategy!r} takes ratios (parts) or {option} "
                    f"(folds), not both"
                )
        if self.ratios is not None and not sum(self.ratios) > 0:
            raise ValueError(f"ratios={tuple(self.ratios)} must have a sum above 0")

    def _check_leave_out(self, pattern: str) -> None:
        check_pattern(pattern)
        if self.strategy == "list":
            raise ValueError(
                f"leave_out={pattern!r} has no effect on strategy 'list', whose lists "
                f"name the test part: name those frames in the list of test"
            )

    def check_names(self, frames: Iterable[Frame]) -> None:
        """Check ``leave_out`` on frames whose labels have not been read yet.

        Args:
            frames: Frames in any order.

        Raises:
            ValueError: It matches no recording, or all of them.
        """
        if self.leave_out is not None:
            find_left_out(list(frames), self.leave_out, self.group)

    def apply(self, frames: Iterable[Frame]) -> list[Frame]:
        """Split frames.

        Args:
            frames: Frames in any order. Frames with the split ``'test'`` are kept out
                of folds; any other earlier split is ignored.

        Returns:
            The frames in time order, each with its part or fold.

        Raises:
            ValueError: A frame has no label, a part or a fold would be empty, an option
                is out of range, or ``leave_out`` matches no recording or all.
        """
        frames = list(frames)
        self._check_labelled(frames)
        if self.leave_out is None:
            return self._split(frames)
        if not self._makes_folds():  # only folds keep an earlier test part
            frames = [without_split(frame) for frame in frames]
        embargo = self.embargo or NO_EMBARGO
        return split_without(frames, self.leave_out, self._split, embargo, self.group)

    def _split(self, frames: Sequence[Frame]) -> list[Frame]:
        if self._makes_folds():
            return self._fold(frames)
        return self._cut(frames)

    def _makes_folds(self) -> bool:
        if self.strategy == "random":
            return self.folds is not None or self.test_share is not None
        return "folds" in OPTIONS[self.strategy] and self.ratios is None

    def _check_labelled(self, frames: Sequence[Frame]) -> None:
        without = [frame.image for frame in frames if not frame.label]
        if without and not self.unlabelled:
            raise ValueError(
                f"{len(without)} of {len(frames)} frames have no label, the first is "
                f"{without[0]}: label them, remove them, or split them too with "
                f"unlabelled (not for stratified folds)"
            )

    def _cut(self, frames: Sequence[Frame]) -> list[Frame]:
        embargo = self.embargo or NO_EMBARGO
        if self.strategy == "list":
            lists = self.lists or {}
            split = split_by_list(frames, lists, embargo, self.unlisted or "error")
            check_not_empty(split, [part for part in SPLITS if part in lists])
            return split
        given = self.ratios or RATIOS
        ratios = [ratio / sum(given) for ratio in given]
        if self.strategy in ("random", "grouped"):
            whole = self.strategy == "grouped"
            split = split_at_random(frames, ratios, self.seed or 0, whole, self.group)
            split = keep_apart(split, embargo)
        else:
            cut = split_by_time if self.strategy == "time" else split_per_recording
            split = cut(frames, ratios, embargo)
        parts = zip(SPLITS, ratios, strict=True)
        check_not_empty(split, [part for part, ratio in parts if ratio])
        return split

    def _fold(self, frames: Sequence[Frame]) -> list[Frame]:
        embargo, share = self.embargo or NO_EMBARGO, self.test_share or 0.0
        folds = FOLDS if self.folds is None else self.folds
        whole, seed = self.strategy == "grouped", self.seed or 0
        timed = all(frame.has_time for frame in frames) and self.group is None
        at_random = self.strategy != "blocked" and not timed
        held = seed if at_random or self.strategy == "random" else None
        split = hold_out(frames, share, embargo, whole, held, self.group)
        has_test = any(frame.split == "test" for frame in split)
        if self.strategy == "blocked":
            return blocked_folds(split, folds, embargo)
        if self.strategy == "grouped":
            return grouped_folds(split, folds, seed, embargo, self.group)
        if self.strategy == "random":
            return random_folds(split, folds, seed)
        # Frames count within recordings: none of them would be near a left-out one.
        apart = self.leave_out is not None and embargo.seconds > 0
        if embargo != NO_EMBARGO and not has_test and not apart:
            raise ValueError(
                "stratified folds hold neighbouring frames by design: embargo applies "
                "to the test part only, and there is none; take blocked folds"
            )
        return stratified_folds(split, folds, seed)
