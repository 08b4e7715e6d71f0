"""What a network found, and missed, on frames on which the truth is known."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.foreign import read_json, reading

VERSION = 1
FEWEST_EVENTS = 20  # with a true one
FEWEST_BLOCKS = 5


class Seen(NamedTuple):
    """What can be seen of a found event without its truth.

    Attributes:
        duration_s: As in ``Event``, in seconds, above 0.
        area_share_s: As in ``Event``, in share x seconds, above 0.
        peak_share: As in ``Event``, in (0, 1].
        confidence: Mean probability of its predicted pixels, in [0, 1].
    """

    duration_s: float
    area_share_s: float
    peak_share: float
    confidence: float


class Known(NamedTuple):
    """A found event, and the true ones that are attributed to it.

    Attributes:
        block: Block of its first frame.
        seen: What is seen of it.
        true: Number of true events; 0: a false alarm, or the rest of a true event that
            was found in pieces.
        duration_s: Their duration in seconds together.
        area_share_s: Their area in share x seconds together.
    """

    block: int
    seen: Seen
    true: int
    duration_s: float
    area_share_s: float


class Missed(NamedTuple):
    """A true event that no found one overlaps.

    Attributes:
        block: Block of its first frame.
        duration_s: Its duration in seconds.
        area_share_s: Its area in share x seconds.
    """

    block: int
    duration_s: float
    area_share_s: float


class Signs(NamedTuple):
    """What a network shows without any truth, of one block or one day.

    Attributes:
        confidence: Mean confidence of the found events; NaN without any.
        calm_share: Mean share of the frames outside of events, in [0, 1]; NaN without
            such frames.
        event_time: Share of the frames that are in events, in [0, 1]; NaN without any
            frame.
    """

    confidence: float
    calm_share: float
    event_time: float


@dataclass(frozen=True)
class EventReference:
    """Errors of a network on frames on which the truth is known.

    Args:
        settings: Those by which found and true events were found.
        class_name: The class.
        interval_s: Median seconds between frames.
        found: The found events.
        missed: The true events that were missed.
        signs: Signs of each block, whose number this is.

    Raises:
        ValueError: A value is out of its range, or too few events or blocks are known:
            20 found events with a true one, and 5 blocks.
    """

    settings: EventSettings
    class_name: str
    interval_s: float
    found: tuple[Known, ...]
    missed: tuple[Missed, ...]
    signs: tuple[Signs, ...]

    def __post_init__(self) -> None:
        real = sum(each.true > 0 for each in self.found)
        if real < FEWEST_EVENTS or len(self.signs) < FEWEST_BLOCKS:
            raise ValueError(
                f"{real} found events with a true one, in {len(self.signs)} blocks: "
                f"intervals need {FEWEST_EVENTS} and {FEWEST_BLOCKS}. Label more "
                f"frames that follow each other in time, on other days"
            )
        if not 0 < self.interval_s < math.inf:
            raise ValueError(f"interval_s={self.interval_s!r}: give seconds above 0")
        for each in self.found:
            _check_seen(each.seen)
        blocks = [each.block for each in (*self.found, *self.missed)]
        if not all(0 <= block < len(self.signs) for block in blocks):
            raise ValueError(
                f"blocks {sorted(set(blocks))}: {len(self.signs)} are there"
            )
        known = [(each.true, each.duration_s, each.area_share_s) for each in self.found]
        known += [(1, each.duration_s, each.area_share_s) for each in self.missed]
        for true, *sizes in known:
            good = all(0 < size < math.inf for size in sizes)
            if true < 0 or (true and not good):
                raise ValueError(f"a true event has the duration and area {sizes}")

    @property
    def blocks(self) -> int:
        """Number of blocks, J."""
        return len(self.signs)

    @property
    def real(self) -> list[Known]:
        """The found events with a true one."""
        return [each for each in self.found if each.true]

    def as_json(self) -> dict[str, Any]:
        """The arguments as JSON values."""
        return {
            "version": VERSION,
            "settings": self.settings.as_json(),
            "class": self.class_name,
            "interval_s": self.interval_s,
            "found": [
                {**each._asdict(), "seen": each.seen._asdict()} for each in self.found
            ],
            "missed": [each._asdict() for each in self.missed],
            "signs": [_with_none(each._asdict()) for each in self.signs],
        }

    def write(self, path: str | Path) -> None:
        """Write it as JSON, atomically."""
        write_whole(path, json.dumps(self.as_json(), indent=1, allow_nan=False) + "\n")

    @classmethod
    def from_json(cls, values: Any) -> "EventReference":
        """The reference of ``as_json``.

        Raises:
            ValueError: It is no such object, or of another version.
        """
        if not isinstance(values, Mapping) or values.get("version") != VERSION:
            raise ValueError(
                f"it is no table of errors of version {VERSION}: write it again with "
                f"tools/event_errors.py"
            )
        try:
            return cls(
                EventSettings.from_json(values["settings"]),
                str(values["class"]),
                float(values["interval_s"]),
                tuple(_known(each) for each in values["found"]),
                tuple(Missed(int(m["block"]), *_sizes(m)) for m in values["missed"]),
                tuple(_signs(each) for each in values["signs"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"a value is missing or of another type ({error!r}): write it again "
                f"with tools/event_errors.py"
            ) from error

    @classmethod
    def read(cls, path: str | Path) -> "EventReference":
        """Read a file of ``write``.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is damaged, or as of ``from_json``.
        """
        with reading(path, "table of errors"):
            return cls.from_json(read_json(path, "table of errors"))


def as_rows(seen: Sequence[Seen]) -> np.ndarray:
    """(n, 3) what errors depend on: log peak, log duration, confidence."""
    peak, duration, confidence = (
        np.array([getattr(each, name) for each in seen], float)
        for name in ("peak_share", "duration_s", "confidence")
    )
    return np.stack([np.log(peak), np.log(duration), confidence], 1).reshape(-1, 3)


def _check_seen(seen: Seen) -> None:
    good = 0 < seen.duration_s < math.inf and 0 < seen.area_share_s < math.inf
    if not (good and 0 < seen.peak_share <= 1 and 0 <= seen.confidence <= 1):
        raise ValueError(f"{seen}: a value is out of its range")


def _with_none(values: dict[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(v) else v for name, v in values.items()}


def _signs(values: Mapping[str, Any]) -> Signs:
    stored = [values[name] for name in Signs._fields]
    return Signs(*(math.nan if each is None else float(each) for each in stored))


def _sizes(values: Mapping[str, Any]) -> tuple[float, float]:
    return float(values["duration_s"]), float(values["area_share_s"])


def _known(values: Mapping[str, Any]) -> Known:
    seen = Seen(**{name: float(values["seen"][name]) for name in Seen._fields})
    return Known(int(values["block"]), seen, int(values["true"]), *_sizes(values))
