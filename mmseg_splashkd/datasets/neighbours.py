"""Pairs of neighbouring frames of a fixed camera, in one and the same view."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from mmcv.transforms.utils import cache_random_params
from mmengine.structures import PixelData

from mmseg_splashkd.datasets.duration import FramesOrSeconds
from mmseg_splashkd.datasets.frames import Frame, require_time
from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.datasets.views import random_states, set_random_states

NEIGHBOUR = "neighbour"  # field of a sample: (C, H, W), the image of the other frame
PAIRED = "has_neighbour"  # False: the field repeats the frame's own image
# What must be equal for two images to show one place at one pixel.
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
                f"neighbour must be a time above 0, such as '2s', got {self}: the "
                f"interval of the frames, or a little more"
            )


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
    others = list(others)
    require_time([*frames, *others], f"neighbour={gap}")
    recordings: dict[str, list[Frame]] = {}
    for other in sorted(others, key=_time):
        recordings.setdefault(other.recording, []).append(other)
    return [_nearest(each, recordings.get(each.recording, []), gap) for each in frames]


def _time(frame: Frame) -> int:
    return frame.timestamp


def _nearest(frame: Frame, others: list[Frame], gap: Gap) -> Frame | None:
    """The frame after, else before, among the frames of a recording in time order."""
    after = bisect_right(others, frame.timestamp, key=_time)
    before = bisect_left(others, frame.timestamp, key=_time) - 1
    for place in (after, before):
        if 0 <= place < len(others):
            distance = abs(others[place].timestamp - frame.timestamp)
            if distance <= gap.seconds * SECOND:
                return others[place]
    return None


def draw_pair(
    transforms: Iterable[Callable], frame: dict, neighbour: dict | None
) -> dict | None:
    """Draw a frame and its neighbour in the same view.

    Both go through each transform from the same random state. What a transform draws
    once per sample (mmcv's ``cache_randomness``, as of crops, flips and scales) is
    drawn for the frame and taken for the neighbour, since it may depend on the label,
    which the neighbour does not have. The frame's own sample is that of the transforms
    without a neighbour, bit by bit.

    Args:
        transforms: Transforms of a pipeline that ends with ``PackSegInputs``.
        frame: Sample of the frame.
        neighbour: Sample of the other frame, without a label; None if there is none.

    Returns:
        The sample, with the image of the neighbour as field ``neighbour``, and
        ``has_neighbour``. Without a neighbour the image is that of the frame. None if
        a transform drops the frame.

    Raises:
        ValueError: The pipeline does not pack, or gives the two frames other views.
    """
    drawn: Any = frame
    other: Any = neighbour
    for transform in transforms:
        before = random_states()
        with cache_random_params(transform):  # type: ignore[arg-type]
            drawn = transform(drawn)
            if other is not None:
                after = random_states()
                set_random_states(before)
                other = transform(other)
                set_random_states(after)
        if drawn is None:
            return None
        if other is None and neighbour is not None:
            raise ValueError(
                f"{type(transform).__name__} drops its neighbour "
                f"{neighbour.get('img_path')}: neighbours have no label to choose by"
            )
    return _packed(drawn, other)


def _packed(drawn: Any, other: Any) -> dict:
    if not isinstance(drawn, dict) or not {"inputs", "data_samples"} <= drawn.keys():
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
            f"({', '.join(differing)}): both frames need one size, and a transform "
            f"that draws by the label must do so in a method with cache_randomness"
        )
