"""When a series of splash shares is an event: thresholds and times."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.evaluation.bursts import MIN_SHARE
from mmseg_splashkd.foreign import read_json, reading


@dataclass(frozen=True)
class EventSettings:
    """Hysteresis in share and in time.

    A run of frames with ``share >= off`` is an event if one of them has
    ``share >= on``: it starts at the first and ends at the last frame of the run. Two
    thresholds keep a share that wavers about one of them from making many events.

    Args:
        on: Share of a frame's pixels that starts an event, in (0, 1]; default 0.002,
            twice ``off``.
        off: Share below which an event ends, in (0, on]; default 0.001, that of a
            predicted frame in ``score_bursts``.
        min_seconds: Shortest duration of an event in seconds, >= 0; shorter ones are
            dropped. Default 0.5: foam of a splash stays for longer, glints and drops on
            the lens do not. Below two frames per second nothing is dropped, because a
            frame lasts until the next one.
        gap_seconds: Longest gap within an event, from the last frame of a run to the
            first frame of the next one, in seconds, >= 0. Default 2: a network that
            misses the splash in some frames does not split it. Frames that are more
            than 2 s apart are not affected.

    Raises:
        ValueError: A value is no number, or out of its range.
    """

    on: float = 2 * MIN_SHARE
    off: float = MIN_SHARE
    min_seconds: float = 0.5
    gap_seconds: float = 2.0

    def __post_init__(self) -> None:
        for name, value in self.as_json().items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{name}={value!r}: give a number")
        for name, good, remedy in (
            ("on", 0 < self.on <= 1, "give a share of the pixels in (0, 1]"),
            ("off", 0 < self.off <= self.on, f"give a share in (0, on={self.on}]"),
            ("min_seconds", 0 <= self.min_seconds < math.inf, "give seconds from 0"),
            ("gap_seconds", 0 <= self.gap_seconds < math.inf, "give seconds from 0"),
        ):
            if not good:
                raise ValueError(f"{name}={getattr(self, name)!r}: {remedy}")

    @property
    def min_ns(self) -> int:
        """``min_seconds`` in nanoseconds."""
        return round(self.min_seconds * SECOND)

    @property
    def gap_ns(self) -> int:
        """``gap_seconds`` in nanoseconds."""
        return round(self.gap_seconds * SECOND)

    def as_json(self) -> dict[str, float]:
        """The arguments as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> "EventSettings":
        """The settings of ``as_json``; arguments that are absent have their default.

        Args:
            values: Name -> value.

        Raises:
            ValueError: It is no such object, or has other names or invalid values.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(values, Mapping):
            raise ValueError(
                f"event settings are {values!r}: give an object of {names}"
            )
        if unknown := sorted(set(values) - set(names)):
            raise ValueError(f"event settings have {unknown}: give only {names}")
        return cls(**values)

    @classmethod
    def read(cls, path: str | Path) -> "EventSettings":
        """Read the settings from a JSON file.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is damaged, or as of ``from_json``.
        """
        with reading(path, "event settings"):
            return cls.from_json(read_json(path, "event settings"))
