from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.splits.by_time import hold_out, split_by_time
from mmseg_splashkd.datasets.splits.embargo import Embargo
from mmseg_splashkd.datasets.splits.folds import blocked_folds
from mmseg_splashkd.report.split_picture import COLORS, draw_split

SECOND = 10**9
EMBARGO = Embargo(frames=4)


def frames(count: int = 60, recordings: str = "a", start: int = 0) -> list[Frame]:
    return [
        Frame(
            recordings[n % len(recordings)],
            (1_714_521_600 + start + 5 * n) * SECOND,
            f"{start}/{n}.png",
            splash_share=0.05 * (n % 3),
        )
        for n in range(count)
    ]


def where(picture: Path, part: str) -> np.ndarray:
    """(H, W) bool: pixels in the colour of a part, under the legend."""
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB")).copy()
    color = np.round(np.array(to_rgb(COLORS[part])) * 255)
    found = (pixels == color).all(-1)
    found[:55] = False
    return found


def test_parts_are_drawn_side_by_side_in_their_colours(tmp_path: Path):
    split = split_by_time(frames(), (0.5, 0.25, 0.25), EMBARGO)
    picture = draw_split(split, tmp_path / "new" / "split.png")
    with Image.open(picture) as image:
        assert image.format == "PNG"
        assert image.width == 900
    order = ("train", "embargo", "val", "test")
    columns = [np.flatnonzero(where(picture, part).any(0)) for part in order]
    assert all(len(column) for column in columns)
    middles = [column.mean() for column in columns]
    assert middles[0] < middles[2] < middles[3]
    widths = [where(picture, part).sum(1).max() for part in order]
    for width, count in zip(widths, (26, 8, 11, 15), strict=True):
        assert width == pytest.approx(widths[0] * count / 26, rel=0.08)


def test_colours_of_absent_parts_are_absent(tmp_path: Path):
    picture = draw_split(split_by_time(frames(), (0.7, 0.3, 0)), tmp_path / "split.png")
    assert not where(picture, "test").any()
    assert not where(picture, "embargo").any()


def bands(picture: Path, part: str) -> int:
    """Number of lanes with a band of this colour: many pixels in a row."""
    rows = where(picture, part).sum(1) > 25
    return int((np.diff(rows.astype(int)) == 1).sum())


def test_every_fold_is_a_row(tmp_path: Path):
    folds = blocked_folds(hold_out(frames(90), 0.2), 3, EMBARGO)
    picture = draw_split(folds, tmp_path / "folds.png")
    for part in ("train", "val", "embargo", "test"):
        assert bands(picture, part) == 3, part
    held = [
        np.flatnonzero(row).mean()
        for row in where(picture, "val")
        if row.sum() > 150  # in a band
    ]
    assert held == sorted(held)
    assert held[0] < held[-1]


def test_every_recording_is_a_lane(tmp_path: Path):
    split = split_by_time(frames(90, "abc"), (0.4, 0.3, 0.3))
    assert bands(draw_split(split, tmp_path / "split.png"), "train") == 3


def test_spikes_are_as_high_as_the_share_of_splash(tmp_path: Path):
    picture = draw_split(split_by_time(frames(), (1, 0, 0)), tmp_path / "split.png")
    heights = np.unique(where(picture, "train").sum(0)[100:800])
    assert heights[0] > 10  # of the band, where there is no splash
    half, full = heights[len(heights) // 2] - heights[0], heights[-1] - heights[0]
    assert full > heights[0]
    assert half == pytest.approx(full / 2, abs=2)


def test_a_long_pause_is_drawn_short(tmp_path: Path):
    split = split_by_time([*frames(40), *frames(40, start=10**7)], (1, 0, 0))
    found = where(draw_split(split, tmp_path / "split.png"), "train")
    columns = np.flatnonzero(found.any(0))
    assert len(columns) > 0.85 * (columns[-1] - columns[0])


def test_same_frames_same_bytes(tmp_path: Path):
    split = split_by_time(frames(), embargo=EMBARGO)
    first = draw_split(split, tmp_path / "a.png")
    assert (
        draw_split(split[::-1], tmp_path / "b.png").read_bytes() == first.read_bytes()
    )


@pytest.mark.parametrize("count", [1, 2])
def test_few_frames_are_drawn_too(tmp_path: Path, count: int):
    picture = draw_split(split_by_time(frames(count), (1, 0, 0)), tmp_path / "x.png")
    assert where(picture, "train").any()


def test_frames_without_a_part_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="no frame has a part"):
        draw_split(frames(), tmp_path / "x.png")
