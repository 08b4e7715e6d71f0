"""A duration along a video, given as a number of frames or in seconds."""

import math
import re
from dataclasses import dataclass
from typing import ClassVar, TypeVar

Duration = TypeVar("Duration", bound="FramesOrSeconds")


@dataclass(frozen=True)
class FramesOrSeconds:
    """A duration along a video.

    Args:
        frames: Number of frames, at least 0.
        seconds: Time in seconds, at least 0.

    Raises:
        ValueError: A value is negative, NaN or infinite.
    """

    argument: ClassVar[str] = "duration"  # the option that error messages name

    frames: float = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        for name in ("frames", "seconds"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and 0 <= value < math.inf):
                raise ValueError(
                    f"{self.argument} {name}={value} must be a number, 0 or more"
                )

    @classmethod
    def parse(cls: type[Duration], text: str) -> Duration:
        """Parse a value of the command line or of a config.

        Args:
            text: ``'5'`` (frames) or ``'30s'`` (seconds).

        Raises:
            ValueError: ``text`` has another form, or its value is out of range.
        """
        if re.fullmatch(r"\d+", text, re.ASCII):
            return cls(frames=int(text))
        if re.fullmatch(r"\d+(\.\d+)?s", text, re.ASCII):
            return cls(seconds=float(text[:-1]))
        raise ValueError(
            f"{cls.argument} {text!r} is neither frames (5) nor seconds (30s)"
        )

    def __str__(self) -> str:
        whole = float(self.frames).is_integer()
        frames = f"{self.frames:.0f}" if whole else f"{self.frames:.3g}"
        given = [
            (self.frames, f"{frames} frames"),
            (self.seconds, f"{self.seconds:g} s"),
        ]
        return " and ".join(text for value, text in given if value) or "none"
