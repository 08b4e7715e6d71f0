"""What a reader of a comparison has to know besides its figures."""

from collections.abc import Collection, Iterator, Sequence

from mmseg_splashkd.statistics.arms import Arm, Layout, common_runs
from mmseg_splashkd.statistics.blocks import FEWEST, Blocks

TELLS = {"table": "table_sha256", "weights": "weights"}
DECIDES = {"threshold": "the threshold of a pixel", "tta": "averaging over flips"}


def check_alike(arms: Sequence[Arm], allowed: Collection[str] = ()) -> None:
    """Make sure that arms are of one table and one kind of weights.

    Args:
        arms: The arms.
        allowed: ``table`` or ``weights``, if the arms may differ in it.

    Raises:
        ValueError: Two arms are known to differ.
    """
    for what, key in TELLS.items():
        if what in allowed or len(told := _told(arms, key)) < 2:
            continue
        (one, _), (other, _), *_ = told.values()
        shown = "table" if what == "table" else key
        values = [_told([arm], shown) for arm in (one, other)]
        listed = " and ".join(" / ".join(map(str, value)) or "?" for value in values)
        raise ValueError(
            f"{one.name} and {other.name} differ in {what} ({listed}): compare runs "
            f"that do not, or allow {what} if that is meant (--allow {what})"
        )


def _told(arms: Sequence[Arm], key: str) -> dict:
    """What runs say of themselves -> the first arm and run that say so."""
    told = {}
    for arm in arms:
        for cell, scores in arm.runs.items():
            value = scores.about.get(key)
            if value is not None:
                told.setdefault(value, (arm, cell))
    return told


def notes_on(arms: Sequence[Arm], layout: Layout, blocks: Blocks) -> Iterator[str]:
    """Sentences about what the arms are, for people.

    Args:
        arms: The baseline first.
        layout: Of the baseline.
        blocks: Of its frames.
    """
    for what, key in TELLS.items():
        if len(_told(arms, key)) > 1:
            yield f"The runs differ in {what}, which was allowed."
    for key, what in DECIDES.items():
        values = {s.about.get(key) for arm in arms for s in arm.runs.values()}
        if len(values - {None, False}) and len(values) > 1:
            yield f"The runs differ in {what}."
    if "best" in _told(arms, "weights") and "val" in _told(arms, "part"):
        yield (
            "Best weights were chosen on the very frames that they are scored on: the "
            "scores flatter."
        )
    yield from _left_out(arms)
    yield from _rare(arms[0], layout, blocks)


def _left_out(arms: Sequence[Arm]) -> Iterator[str]:
    for arm in arms[1:]:
        shared = len(common_runs([arms[0], arm]))
        for one, other in ((arms[0], arm), (arm, arms[0])):
            if alone := len(one.runs) - shared:
                yield (
                    f"{alone} of {len(one.runs)} runs of {one.name} have no partner in "
                    f"{other.name} (same fold and seed): differences are without them."
                )


def _rare(arm: Arm, layout: Layout, blocks: Blocks) -> Iterator[str]:
    truth = blocks.sums(layout.areas[:1])[0, :, 2]
    for name, count in zip(arm.first.classes, (truth > 0).sum(0), strict=True):
        if count < min(FEWEST, len(blocks)):
            yield (
                f"{name} occurs in {count} of {len(blocks)} blocks: what hangs on it "
                f"is less sure than its intervals say."
            )
