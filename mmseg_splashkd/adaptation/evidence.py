"""Which method has helped where labels of the target were known."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

from mmseg_splashkd.files import write_whole

FILE = "evidence.json"
PAGE = "docs/adaptation.md"
HARM = -1.0  # points that are no harm


@dataclass(frozen=True)
class Shown:
    """Gains of the methods on one shift of the camera.

    Args:
        shift: Its name on the page.
        title: Data and network, in words.
        score: Name of the score whose points these are.
        two_classes: Whether there are two classes.
        same: Whether the target is the source, where there is nothing to gain.
        gains: Method -> mean gain over the source alone, and the lower and the upper
            end of its 95 % interval.
        over_control: The same over the best control: the source alone for as long or
            for twice as long, with stronger changes of light and colour, or with
            statistics of batch norms of the target.
        date: Day of the last run.
    """

    shift: str
    title: str
    score: str
    two_classes: bool
    same: bool
    gains: Mapping[str, Sequence[float]]
    over_control: Mapping[str, Sequence[float]]
    date: str


def shipped_evidence() -> list[Shown]:
    """What this version knows of."""
    text = files("mmseg_splashkd.adaptation").joinpath(FILE).read_text(encoding="utf-8")
    return [Shown(**each) for each in json.loads(text)]


def write_evidence(path: Path, shown: Sequence[Shown]) -> None:
    """Write evidence, to be shipped."""
    write_whole(path, json.dumps([asdict(each) for each in shown], indent=1) + "\n")


def best_method(evidence: Sequence[Shown], two_classes: bool) -> str:
    """The method with the highest mean gain, of those that never harmed.

    Of the shifts with as many classes (two, or more), a method counts that was measured
    on each of them, whose interval lies below 0 on none, and whose mean is below
    ``HARM`` on none, nor on the source itself where that was measured. The mean of its
    gains over the best control must be above 0.

    Args:
        evidence: Gains on shifts.
        two_classes: Whether the network has two classes.

    Raises:
        ValueError: There is none.
    """
    alike = [each for each in evidence if each.two_classes == two_classes]
    moved = [each for each in alike if not each.same]
    means = {
        name: sum(each.gains[name][0] for each in moved) / len(moved)
        for name in (moved[0].gains if moved else ())
        if all(name in each.gains for each in alike)
        and all(each.gains[name][2] >= 0 for each in moved)
        and all(each.gains[name][0] >= HARM for each in alike)
    }
    better = [
        name
        for name, gain in means.items()
        if gain > 0 and sum(each.over_control[name][0] for each in moved) > 0
    ]
    if not better:
        kind = "two classes" if two_classes else "more than two classes"
        raise ValueError(
            f"no method has been shown to help with {kind}, and more than what needs "
            f"no frames of the target ({PAGE}): choose one by "
            f"--method, and have some frames of the target labelled to see what it does"
        )
    return max(better, key=lambda name: means[name])
