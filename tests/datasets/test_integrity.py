import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.integrity import check_pair
from mmseg_splashkd.datasets.label_coding import SPLASH, load_label_coding
from tests.datasets.builders import halve, splash_label, write_frame, write_label


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A valid frame, large enough to be truncated within its pixels, and its label."""
    image, label = tmp_path / "image.png", tmp_path / "label.png"
    write_frame(image, seed=0, size=(40, 30))
    write_label(label, splash_label(0, size=(40, 30)))
    return image, label


def test_valid_pair_passes(pair: tuple[Path, Path]):
    check_pair(*pair, SPLASH)


def test_error_names_a_missing_frame(pair: tuple[Path, Path]):
    pair[0].unlink()
    with pytest.raises(FileNotFoundError, match=f"frame: {pair[0]} does not exist"):
        check_pair(*pair, SPLASH)


def test_error_names_a_missing_label_and_its_frame(pair: tuple[Path, Path]):
    image, label = pair
    label.unlink()
    message = f"label of frame {image}: {label} does not exist"
    with pytest.raises(FileNotFoundError, match=message):
        check_pair(image, label, SPLASH)


@pytest.mark.parametrize("name", [".", "pipe", "/dev/zero"])
def test_what_is_no_file_is_refused(pair: tuple[Path, Path], name: str):
    os.mkfifo(pair[0].parent / "pipe")  # reading it would wait for ever
    other = pair[0].parent / name
    with pytest.raises(FileNotFoundError, match=f"{other} is a folder, a pipe or a de"):
        check_pair(pair[0], other, SPLASH)
    with pytest.raises(FileNotFoundError, match=f"{other} is a folder, a pipe or a de"):
        check_pair(other, pair[1], SPLASH)


@pytest.mark.parametrize("which", [0, 1])
def test_error_names_a_truncated_png(pair: tuple[Path, Path], which: int):
    halve(pair[which])
    message = f"{('frame', 'label')[which]} {pair[which]} cannot be read"
    with pytest.raises(ValueError, match=message):
        check_pair(*pair, SPLASH)


def test_error_names_a_truncated_jpeg(pair: tuple[Path, Path]):
    image = pair[0].with_suffix(".jpg")
    write_frame(image, seed=0, size=(40, 30))
    check_pair(image, pair[1], SPLASH)
    halve(image)
    with Image.open(image) as frame:  # its header is intact
        assert frame.size == (40, 30)
    with pytest.raises(ValueError, match=f"frame {image} cannot be read"):
        check_pair(image, pair[1], SPLASH)


def test_error_names_a_png_with_a_flipped_bit(pair: tuple[Path, Path]):
    content = bytearray(pair[0].read_bytes())
    content[len(content) // 2] ^= 1
    pair[0].write_bytes(content)
    with pytest.raises(ValueError, match=f"frame {pair[0]} cannot be read"):
        check_pair(*pair, SPLASH)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_error_names_a_frame_with_exif_orientation(
    pair: tuple[Path, Path], suffix: str
):
    image = pair[0].with_name(f"rotated{suffix}")
    exif = Image.Exif()
    exif[0x0112] = 1
    with Image.open(pair[0]) as frame:
        frame.save(image, exif=exif)
        check_pair(image, pair[1], SPLASH)
        exif[0x0112] = 3  # rotation by 180 degrees keeps the size
        frame.save(image, exif=exif)
    with pytest.raises(ValueError, match=f"frame {image} has an EXIF orientation"):
        check_pair(image, pair[1], SPLASH)


def test_error_names_a_frame_that_is_not_an_image(pair: tuple[Path, Path]):
    pair[0].write_text("<html>404 Not Found</html>")
    with pytest.raises(ValueError, match=f"frame {pair[0]} cannot be read"):
        check_pair(*pair, SPLASH)


@pytest.mark.parametrize("size", [(30, 40), (40, 29), (41, 30)])
def test_error_for_different_sizes_names_files_and_sizes(
    pair: tuple[Path, Path], size: tuple[int, int]
):
    image, label = pair
    write_label(label, splash_label(0, size))
    message = f"{label} is {size[0]}x{size[1]}, but its frame {image} is 40x30"
    with pytest.raises(ValueError, match=message):
        check_pair(image, label, SPLASH)


def test_error_names_a_label_value_outside_the_coding(pair: tuple[Path, Path]):
    gray = splash_label(0, size=(40, 30))
    gray[0, :3] = 7
    write_label(pair[1], gray)
    with pytest.raises(ValueError, match=rf"{pair[1]}: .* 7 \(3 pixels\)"):
        check_pair(*pair, SPLASH)


@pytest.mark.parametrize(
    ("pixels", "what"),
    [
        (np.zeros((30, 40, 3), np.uint8), r"shape \(30, 40, 3\) and dtype uint8"),
        (np.zeros((30, 40, 4), np.uint8), r"shape \(30, 40, 4\) and dtype uint8"),
        (np.zeros((30, 40), np.float32), "dtype float32"),
    ],
    ids=["RGB", "RGBA", "float"],
)
def test_error_names_a_label_of_wrong_shape_or_dtype(
    pair: tuple[Path, Path], pixels: np.ndarray, what: str
):
    label = pair[1].with_suffix(".tiff")  # which holds any dtype
    write_label(label, pixels)
    with pytest.raises(ValueError, match=f"{label}: .*{what}"):
        check_pair(pair[0], label, SPLASH)


def test_palette_label_is_read_by_its_indices(pair: tuple[Path, Path]):
    label = Image.fromarray(splash_label(0, size=(40, 30)) // 255, "P")
    label.putpalette([0, 0, 0, 255, 255, 255])
    label.save(pair[1])
    check_pair(
        *pair, replace(load_label_coding("splash"), gray_to_train_id={0: 0, 1: 1})
    )
    with pytest.raises(ValueError, match=r"values outside the table: 1 \(16 pixels\)"):
        check_pair(*pair, SPLASH)
