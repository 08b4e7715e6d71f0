"""How splashes are followed over frames."""

from dataclasses import asdict, dataclass
from typing import Any

TRACKERS = ("sort", "bytetrack", "ocsort", "nearest")


@dataclass(frozen=True)
class FollowSettings:
    """How splashes are followed over frames.

    Args:
        tracker: What finds the splash of the frame before: ``'sort'`` (Bewley et al.,
            ICIP 2016), ``'bytetrack'`` (Zhang et al., ECCV 2022) or ``'ocsort'`` (Cao
            et al., CVPR 2023) of the package ``trackers``; ``'nearest'``: the nearest
            centre, a baseline that needs no package.
        join: Blobs whose boxes are at most this many pixels apart, by columns and by
            rows, are one splash; 0: those that overlap or touch. None: each blob is a
            splash.
        min_area: Fewest pixels of a splash that is followed, at least 1.
        patience: Number of frames for which a splash may be missing, at least 0.

    Raises:
        ValueError: An argument is out of its range.
    """

    tracker: str = "sort"
    join: int | None = 8
    min_area: int = 12
    patience: int = 1

    def __post_init__(self) -> None:
        if self.tracker not in TRACKERS:
            raise ValueError(
                f"tracker={self.tracker!r}: give one of {', '.join(TRACKERS)}"
            )
        for name, least in (("join", 0), ("min_area", 1), ("patience", 0)):
            value = getattr(self, name)
            if value is None and name == "join":
                continue
            if not isinstance(value, int) or value < least:
                raise ValueError(
                    f"{name}={value!r}: give a whole number from {least} on"
                )

    def as_json(self) -> dict[str, Any]:
        """The arguments as JSON values."""
        return asdict(self)
