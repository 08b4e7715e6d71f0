"""Checks before a comparison, and caveats after it."""

from collections.abc import Collection, Iterator, Sequence

from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.statistics.arms import Arm, Layout, common_runs
from mmseg_splashkd.statistics.blocks import FEWEST, Blocks
from mmseg_splashkd.statistics.sampling import counted_blocks
from mmseg_splashkd.statistics.sources import part_of

MUST_AGREE = {"table": "table_sha256", "weights": "weights"}
DECISION = {"threshold": "the decision threshold", "tta": "test-time augmentation"}


def check_alike(arms: Sequence[Arm], allowed: Collection[str] = ()) -> None:
    """Check that all runs use the same split table and the same kind of weights.

    Args:
        arms: The arms.
        allowed: Permitted differences: ``table``, ``weights``.

    Raises:
        ValueError: Two runs have different values, or the runs of an arm were scored on
            different parts.
    """
    for arm in arms:
        _check_one_part(arm)
    for what, key in MUST_AGREE.items():
        if what in allowed or len(found := _values(arms, key)) < 2:
            continue
        (one, _), (other, _), *_ = found.values()
        shown = "table" if what == "table" else key
        shown_values = [_values([arm], shown) for arm in (one, other)]
        listed = " and ".join(" / ".join(map(str, v)) or "?" for v in shown_values)
        raise ValueError(
            f"{one.name} and {other.name} differ in {what} ({listed}): compare runs "
            f"with the same {what}, or allow the difference (--allow {what})"
        )


def _check_one_part(arm: Arm) -> None:
    parts = {part_of(scores): run for run, scores in arm.runs.items()}
    parts.pop(None, None)
    if len(parts) > 1:
        listed = " and ".join(f"{part} ({run})" for part, run in parts.items())
        raise ValueError(
            f"the runs of {arm.name} were scored on different parts, {listed}: choose "
            f"one with --part val or --part test"
        )


def _values(arms: Sequence[Arm], key: str) -> dict:
    """Value of a key in the scores of runs -> the first arm and run that have it."""
    found = {}
    for arm in arms:
        for run, scores in arm.runs.items():
            value = scores.about.get(key)
            if value is not None:
                found.setdefault(value, (arm, run))
    return found


def notes_on(arms: Sequence[Arm], layout: Layout, blocks: Blocks) -> Iterator[str]:
    """Caveats of a comparison, one sentence each.

    Args:
        arms: The arms, the baseline first.
        layout: Layout of the baseline.
        blocks: Blocks of its frames.
    """
    for what, key in MUST_AGREE.items():
        if len(_values(arms, key)) > 1:
            yield f"The runs differ in {what}, which was allowed."
    for key, what in DECISION.items():
        values = {s.about.get(key) for arm in arms for s in arm.runs.values()}
        if len(values - {None, False}) and len(values) > 1:
            yield f"The runs differ in {what}."
    parts = list(dict.fromkeys(filter(None, map(part_of, _scores_of(arms)))))
    if len(parts) > 1:
        yield (
            f"The arms were scored on different parts ({', '.join(parts)}), which hold "
            f"the same frames."
        )
    if "best" in _values(arms, "weights") and "val" in _values(arms, "part"):
        yield (
            "Best weights were selected on the frames they are scored on: the scores "
            "are optimistic."
        )
    yield from _left_out(arms)
    yield from _rare(arms[0], layout, blocks)


def _scores_of(arms: Sequence[Arm]) -> Iterator[FrameScores]:
    for arm in arms:
        yield from arm.runs.values()


def _left_out(arms: Sequence[Arm]) -> Iterator[str]:
    for arm in arms[1:]:
        shared = len(common_runs([arms[0], arm]))
        for one, other in ((arms[0], arm), (arm, arms[0])):
            if alone := len(one.runs) - shared:
                yield (
                    f"{alone} of {len(one.runs)} runs of {one.name} have no partner in "
                    f"{other.name} (same fold and seed): differences exclude them."
                )


def _rare(arm: Arm, layout: Layout, blocks: Blocks) -> Iterator[str]:
    truth = blocks.sums(layout.areas[:1])[0, :, 2]
    for name, count in zip(arm.first.classes, (truth > 0).sum(0), strict=True):
        if count < min(FEWEST, len(blocks)):
            yield (
                f"{name} occurs in {count} of "
                f"{counted_blocks(len(blocks), blocks.unit)}: intervals of its scores "
                f"may be too narrow."
            )
