from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import SPLASH, LabelCoding
from mmseg_splashkd.datasets.splits.shares import with_splash_shares
from tests.datasets.builders import write_label

THREE = LabelCoding(
    classes=("water", "splash", "net"),
    palette=[(0, 0, 1), (0, 0, 2), (0, 0, 3)],
    gray_to_train_id={0: 0, 100: 1, 200: 2, 7: 255},
)


def labelled(folder: Path, pixels: list[list[int]], number: int = 0) -> Frame:
    path = folder / f"{number}.png"
    write_label(path, np.array(pixels, np.uint8))
    return Frame("pond", number, f"{number}.png", str(path))


def share(frame: Frame, class_name: str = "splash") -> float | None:
    [filled] = with_splash_shares([frame], THREE, class_name, progress=False)
    assert replace(filled, splash_share=frame.splash_share) == frame
    return filled.splash_share


def test_ignored_pixels_do_not_count(tmp_path: Path):
    frame = labelled(tmp_path, [[0, 100, 100, 200, 7, 7], [0, 0, 0, 0, 7, 7]])
    assert share(frame) == 2 / 8
    assert share(frame, "net") == 1 / 8
    assert share(frame, "water") == 5 / 8


def test_share_is_unknown_without_a_label_or_valid_pixels(tmp_path: Path):
    assert share(labelled(tmp_path, [[7, 7], [7, 7]])) is None
    assert share(Frame("pond", 0, "0.png")) is None


def test_order_is_kept_and_every_frame_is_read(tmp_path: Path):
    frames = [
        labelled(tmp_path, [[255] * n + [0] * (20 - n)], number=n)
        for n in np.random.default_rng(0).permutation(20).tolist()
    ]
    filled = with_splash_shares(iter(frames), SPLASH)
    assert [(f.timestamp, f.splash_share) for f in filled] == [
        (f.timestamp, f.timestamp / 20) for f in frames
    ]


def test_existing_shares_are_kept_only_with_the_option(tmp_path: Path):
    frame = replace(labelled(tmp_path, [[255, 0]]), splash_share=0.125)
    assert with_splash_shares([frame], SPLASH)[0].splash_share == 0.5
    (tmp_path / "0.png").unlink()
    assert with_splash_shares([frame], SPLASH, keep_known=True) == [frame]


def test_error_for_a_wrong_value_names_the_label(tmp_path: Path):
    good, bad = (labelled(tmp_path, [[n, 0]], number=n) for n in (0, 99))
    with pytest.raises(ValueError, match=r"99.png: label values outside .*: 99 \(1 pi"):
        with_splash_shares([good, bad], SPLASH)


def test_error_for_an_unknown_class_lists_the_classes():
    with pytest.raises(ValueError, match=r"class 'foam' is not one of \['backg"):
        with_splash_shares([], SPLASH, "foam")
