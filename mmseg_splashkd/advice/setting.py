"""What a case is compared by with the cells of the map."""

from collections.abc import Iterator
from dataclasses import dataclass

# By what factor, or how many points, a case may differ from a cell, either way, to be
# called like it: a judgement, not a measurement.
REACH = {
    "parameters": 2.0,
    "labelled": 2.0,
    "rarest_share": 3.0,
    "passes": 2.0,
}
POINTS = {"lead": 1.5}
KINDS = ("two_classes", "pretrained", "has_unlabelled", "clip", "saturated")
WORDS = {
    "two_classes": "two classes",
    "pretrained": "student starts from pretrained weights",
    "has_unlabelled": "frames without a label are used",
    "clip": "student also sees neighbouring frames",
    "saturated": "plain student has stopped gaining",
    "parameters": "parameters of the student in millions",
    "labelled": "labelled training frames",
    "rarest_share": "share of the rarest class in percent",
    "passes": "passes over the labelled frames",
    "lead": "lead of the teacher in points",
}


@dataclass(frozen=True)
class Setting:
    """A task on which distilling may pay.

    Args:
        two_classes: Whether there are two classes, and not more.
        pretrained: Whether the student starts from pretrained weights.
        has_unlabelled: Whether frames without a label are used.
        clip: Whether the student also sees the frames before and after each frame.
        saturated: Whether the plain student has stopped gaining for the last third of
            its run.
        parameters: Number of parameters of the student, in millions.
        labelled: Number of labelled training frames.
        rarest_share: Share of the rarest class in the labelled pixels, in percent.
        passes: Passes over the labelled frames, in the whole run.
        lead: Score of the teacher minus that of the plain student on the validation
            part, in points.
    """

    two_classes: bool
    pretrained: bool
    has_unlabelled: bool
    clip: bool
    saturated: bool
    parameters: float
    labelled: int
    rarest_share: float
    passes: float
    lead: float

    def differences(self, cell: "Setting") -> list[str]:
        """In what a cell is another case than this one, in words; empty if in nothing.

        Args:
            cell: The setting of the cell.
        """
        return [*self._other_kinds(cell), *self._other_sizes(cell)]

    def _other_kinds(self, cell: "Setting") -> Iterator[str]:
        for name in KINDS:
            own, other = getattr(self, name), getattr(cell, name)
            if own != other:
                said = ("no", "yes")
                yield f"{WORDS[name]}: {said[own]} here, {said[other]} there"

    def _other_sizes(self, cell: "Setting") -> Iterator[str]:
        for name, factor in REACH.items():
            own, other = getattr(self, name), getattr(cell, name)
            low, high = min(own, other), max(own, other)
            if low != high and not 0 < high <= factor * low:  # nor if one is NaN
                yield (
                    f"{WORDS[name]}: {own:.3g} here, {other:.3g} there (like it within "
                    f"a factor of {factor:g})"
                )
        for name, points in POINTS.items():
            own, other = getattr(self, name), getattr(cell, name)
            if not abs(own - other) <= points:  # nor if one is NaN
                yield (
                    f"{WORDS[name]}: {own:.3g} here, {other:.3g} there (like it within "
                    f"{points:g} points)"
                )
