from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mmseg_splashkd.datasets.synthetic.events import find_events, schedule_events
from tests.datasets.synthetic.drawn import draw_tiny, read_pixels, read_rows

COLUMNS = [
    "event",
    "recording",
    "start",
    "end",
    "first_frame",
    "last_frame",
    "frames",
    "peak_share",
    "mean_share",
]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pond")
    return draw_tiny(folder, frames=60, farm="B", recording="north", seed=4)


def runs_of(wet: np.ndarray) -> list[tuple[int, int]]:
    """First and last frame of each run of frames with splash."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wet.astype(int), [0]])))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]


def test_events_agree_with_the_labels(table: Path):
    rows, labels = read_rows(table), np.stack(read_pixels(table, "label"))
    shares = (labels == 255).mean((1, 2))
    events = read_rows(table.with_name("events.csv"))
    assert list(events[0]) == COLUMNS
    runs = runs_of(shares > 0)
    assert len(runs) == len(events) == 8
    for number, ((first, last), event) in enumerate(zip(runs, events, strict=True), 1):
        area = shares[first : last + 1]
        assert event == {
            "event": str(number),
            "recording": "north",
            "start": rows[first]["timestamp"],
            "end": rows[last]["timestamp"],
            "first_frame": str(first),
            "last_frame": str(last),
            "frames": str(last - first + 1),
            "peak_share": f"{area.max():.6f}",
            "mean_share": f"{area.mean():.6f}",
        }
        assert {row["burst"] for row in rows[first : last + 1]} == {str(number)}


def test_events_do_not_depend_on_label_errors(table: Path, tmp_path: Path):
    same = {"frames": 60, "farm": "B", "recording": "north", "seed": 4}
    other = draw_tiny(tmp_path, label_noise=0.8, unlabelled=0.5, **same)
    truth = table.with_name("events.csv").read_bytes()
    assert other.with_name("events.csv").read_bytes() == truth


def test_events_by_hand():
    bursts = [None, 1, 1, 2, None, 3]
    shares = [0.0, 0.1, 0.2, 0.5, 0.0, 0.03]
    events = find_events("r", list("abcdef"), bursts, shares)
    assert events == [
        (1, "r", "b", "c", 1, 2, 2, "0.200000", "0.150000"),
        (2, "r", "d", "d", 3, 3, 1, "0.500000", "0.500000"),
        (3, "r", "f", "f", 5, 5, 1, "0.030000", "0.030000"),
    ]
    assert find_events("r", ["a"], [None], [0.0]) == []


@pytest.mark.parametrize("seed", range(3))
def test_no_event_crosses_a_split_in_time_at_any_length(seed: int):
    for frames in range(20, 400):
        bursts = schedule_events(frames, np.random.default_rng(seed))
        numbers = [b.number if b else 0 for b in bursts]
        assert numbers.count(0) >= 0.4 * frames
        assert sum(b.share for b in bursts if b) == pytest.approx(0.017 * frames)
        first, second = frames * 7 // 10, frames * 9 // 10
        parts = [set(p) - {0} for p in np.split(numbers, [first, second])]
        assert min(map(len, parts)) >= 2
        assert sum(map(len, parts)) == len(set(numbers) - {0})  # none in two parts
        if frames >= 31:  # calm between bursts
            assert all(a == b or not (a and b) for a, b in pairwise(numbers))
