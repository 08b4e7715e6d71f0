"""Neighbouring frames of a fixed camera: pairs in one view, and short clips."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from mmengine.structures import PixelData

from mmseg_splashkd.datasets.duration import FramesOrSeconds
from mmseg_splashkd.datasets.frames import Frame, require_time
from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.datasets.views import random_states, set_random_states

NEIGHBOUR = "neighbour"  # field of a sample: (C, H, W), the image of the other frame
CLIP = "clip"  # entry of a sample: files of the frames before and after
PAIRED = "has_neighbour"  # False: the field repeats the frame's own image
# What differs if two images do not show one place at one pixel.
VIEW_KEYS = ("img_shape", "flip", "flip_direction")


@dataclass(frozen=True)
class Gap(FramesOrSeconds):
    """Largest distance in time between the two frames of a pair.

    Args:
        frames: Unused, 0.
        seconds: Seconds, above 0.

    Raises:
        ValueError: It is not a number of seconds above 0.
    """

    argument: ClassVar[str] = "neighbour"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames or not self.seconds:
            raise ValueError(
                f"{self.argument} must be a time above 0, such as '2s', got {self}: "
                f"the interval of the frames, or a little more"
            )


@dataclass(frozen=True)
class ClipGap(Gap):
    """Largest distance in time between a frame and those before and after it."""

    argument: ClassVar[str] = "clip"


class Around(NamedTuple):
    """The frames before and after a frame; None where there is none.

    Attributes:
        before: The frame before it.
        after: The frame after it.
    """

    before: Frame | None
    after: Frame | None


def find_around(
    frames: Sequence[Frame], others: Iterable[Frame], gap: Gap
) -> list[Around]:
    """The frames of the same recording just before and just after.

    Args:
        frames: The frames.
        others: Frames among which to look, of the same part of a split; ``frames`` may
            be among them.
        gap: Largest distance in time of each of the two.

    Raises:
        ValueError: A frame has no time.
    """
    recordings = _by_recording(frames, others, gap)
    found = []
    for frame in frames:
        listed = recordings.get(frame.recording, [])
        after, before = _places(frame, listed)
        pair = (_within(frame, listed, place, gap) for place in (before, after))
        found.append(Around(*pair))
    return found


def find_neighbours(
    frames: Sequence[Frame], others: Iterable[Frame], gap: Gap
) -> list[Frame | None]:
    """The next frame of the same recording, else the one before.

    Args:
        frames: Frames to pair.
        others: Frames to pair them with, of the same part of a split; ``frames`` may
            be among them.
        gap: Largest distance in time of a pair.

    Returns:
        One per frame; None if there is no other frame of its recording within the gap.

    Raises:
        ValueError: A frame has no time.
    """
    recordings = _by_recording(frames, others, gap)
    return [_nearest(each, recordings.get(each.recording, []), gap) for each in frames]


def _by_recording(
    frames: Sequence[Frame], others: Iterable[Frame], gap: Gap
) -> dict[str, list[Frame]]:
    """The other frames of each recording in the order of time."""
    others = list(others)
    require_time([*frames, *others], f"{gap.argument}={gap}")
    recordings: dict[str, list[Frame]] = {}
    for other in sorted(others, key=_time):
        recordings.setdefault(other.recording, []).append(other)
    return recordings


def _time(frame: Frame) -> int:
    return frame.timestamp


def _nearest(frame: Frame, others: list[Frame], gap: Gap) -> Frame | None:
    """The frame after, else before, among the frames of a recording in time order."""
    found = (_within(frame, others, place, gap) for place in _places(frame, others))
    return next((other for other in found if other is not None), None)


def _places(frame: Frame, others: list[Frame]) -> tuple[int, int]:
    """Places of the frames after and before; out of range where there is none."""
    after = bisect_right(others, frame.timestamp, key=_time)
    return after, bisect_left(others, frame.timestamp, key=_time) - 1


def _within(frame: Frame, others: list[Frame], place: int, gap: Gap) -> Frame | None:
    """The frame at a place, if it is near enough."""
    if not 0 <= place < len(others):
        return None
    distance = abs(others[place].timestamp - frame.timestamp)
    return others[place] if distance <= gap.seconds * SECOND else None


def draw_pair(
    pipeline: Callable[[dict], dict | None], frame: dict, neighbour: dict | None
) -> dict | None:
    """Draw a frame and its neighbour in the same view.

    Both pass the pipeline from one random state, with the label of the frame: what a
    transform draws by the label, such as a crop, is the same for both. The frame is
    what it is without a neighbour, bit by bit, and so is what is drawn after it.

    Args:
        pipeline: A pipeline that ends with ``PackSegInputs``.
        frame: Sample of the frame.
        neighbour: The same with the picture of the other frame; None if there is none.

    Returns:
        The sample, with the image of the neighbour as field ``neighbour``, and
        ``has_neighbour``. Without a neighbour the image is that of the frame. None if
        a transform drops the frame.

    Raises:
        ValueError: The pipeline does not pack, drops the neighbour, or gives the two
            frames other views.
    """
    before = random_states()
    drawn = pipeline(frame)
    if drawn is None or neighbour is None:
        return drawn and _packed(drawn, None)
    after = random_states()
    set_random_states(before)
    other = pipeline(neighbour)
    set_random_states(after)
    if other is None:
        raise ValueError(f"the pipeline drops its neighbour {neighbour['img_path']}")
    return _packed(drawn, other)


def _packed(drawn: dict, other: dict | None) -> dict:
    if not {"inputs", "data_samples"} <= drawn.keys():
        raise ValueError(
            "neighbour needs a pipeline that ends with dict(type='PackSegInputs')"
        )
    sample = drawn["data_samples"]
    image = drawn["inputs"]
    if other is not None:
        _check_views(drawn, other)
        image = other["inputs"]
    sample.set_data({NEIGHBOUR: PixelData(data=image)})
    sample.set_metainfo({PAIRED: other is not None})
    return drawn


def _check_views(drawn: dict, other: dict) -> None:
    one, two = drawn["data_samples"], other["data_samples"]
    differing = [key for key in VIEW_KEYS if one.get(key) != two.get(key)]
    if drawn["inputs"].shape != other["inputs"].shape:
        differing.insert(0, "shape")
    if differing:
        raise ValueError(
            f"the pipeline gives the neighbour {two.get('img_path')} another view "
            f"({', '.join(differing)}): frames of a recording need one size, and a "
            f"transform may draw by the random state and the label only"
        )
