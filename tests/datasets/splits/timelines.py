"""Generated time lines of frames, and brute-force checks of splits."""

import random
from collections.abc import Iterable, Sequence
from itertools import permutations

from hypothesis import settings
from hypothesis import strategies as st

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.splits.embargo import Embargo

SECOND = 10**9
START = 1_714_521_600 * SECOND
QUICK = settings(max_examples=50, derandomize=True, deadline=None)


def frame(seconds: float, recording: str = "pond", **changes) -> Frame:
    timestamp = START + round(seconds * SECOND)
    name = f"{recording}/{timestamp}.png"
    label = changes.pop("label", f"labels/{name}")
    return Frame(recording, timestamp, f"images/{name}", label, **changes)


def line(count: int, recording: str = "pond", every: float = 5.0) -> list[Frame]:
    return [frame(every * number, recording) for number in range(count)]


def shuffled(frames: Iterable[Frame], seed: int = 0) -> list[Frame]:
    frames = list(frames)
    return random.Random(seed).sample(frames, len(frames))


def parts(split: Iterable[Frame]) -> str:
    """First letter of each frame's part; T is test."""
    return "".join(frame.split[0] if frame.split != "test" else "T" for frame in split)


def folds(split: Iterable[Frame]) -> list[int | None]:
    return [frame.fold for frame in split]


@st.composite
def timelines(draw: st.DrawFn, least: int = 1, most: int = 40) -> list[Frame]:
    """Frames of up to three overlapping recordings at irregular times."""
    times_and_recordings = st.tuples(st.integers(0, 120), st.sampled_from("abc"))
    positions = draw(
        st.lists(times_and_recordings, min_size=least, max_size=most, unique=True)
    )
    shares = st.sampled_from([0.0, 0.0, 0.001, 0.01, 0.02, 0.02, 0.4])
    return [
        frame(time, recording, splash_share=draw(shares))
        for time, recording in positions
    ]


embargoes = st.one_of(
    st.builds(Embargo, frames=st.integers(0, 4)),
    st.builds(Embargo, seconds=st.sampled_from([0.5, 1.0, 3.0, 10.0])),
    st.builds(Embargo, frames=st.integers(1, 3), seconds=st.sampled_from([1.0, 4.0])),
)


def apart(
    first: Frame,
    second: Frame,
    frames: Sequence[Frame],
    embargo: Embargo,
    stacked: bool,
) -> bool:
    """Whether an embargo allows two frames in different parts, by brute force."""
    low, high = sorted((first, second), key=lambda f: (f.timestamp, f.recording))
    seconds = (high.timestamp - low.timestamp) / SECOND
    if embargo.seconds and seconds <= embargo.seconds:
        return False
    key = [(f.timestamp, f.recording) for f in (low, high)]
    between = [f for f in frames if key[0] < (f.timestamp, f.recording) < key[1]]
    own = [f for f in between if f.recording == low.recording]
    if low.recording == high.recording and len(own) < embargo.frames:
        return False
    return not stacked or len(between) >= embargo.frames


def check_embargo(split: Sequence[Frame], embargo: Embargo, stacked: bool) -> None:
    """Kept frames of two parts are apart, and no frame is left out needlessly."""
    kept = [f for f in split if f.split != "embargo"]
    for first, second in permutations(kept, 2):
        if first.split != second.split:
            assert apart(first, second, split, embargo, stacked), (first, second)
    for left_out in (f for f in split if f.split == "embargo"):
        others = (f for f in kept if f.split != "train")
        assert not all(apart(left_out, f, split, embargo, stacked) for f in others)
