"""Damage that libraries only warn of, and extreme files, are errors by name."""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from mmseg_splashkd.datasets.checks import check_files
from mmseg_splashkd.datasets.converters.pictures import open_picture
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.image_file import (
    check_image,
    read_as_training,
    read_header,
    read_picture,
)
from mmseg_splashkd.datasets.integrity import image_size
from mmseg_splashkd.datasets.label_coding import SPLASH, read_gray

SIZE = (160, 120)


def jpeg(**options) -> bytes:
    """A JPEG of a smooth pattern with noise, so that its data are long."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    noise = np.random.default_rng(0).normal(0, 8, (*SIZE[::-1], 3))
    pattern = np.stack([np.sin(x / 20), np.cos(y / 30), np.sin((x + y) / 9)], -1)
    pixels = (128 + 100 * pattern + noise).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=85, **options)
    return file.getvalue()


def zeros_in_the_middle(content: bytes) -> bytes:
    half = len(content) // 2
    return content[:half] + bytes(400) + content[half + 400 :]


def cut_with_an_end_marker(content: bytes) -> bytes:
    return content[: len(content) // 2] + b"\xff\xd9"


def last_bytes_lost(content: bytes) -> bytes:
    return content[:-12] + b"\xff\xd9"


@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"progressive": True}])
def test_whole_jpeg_passes(tmp_path: Path, options: dict):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(**options) + b"trailing data of the camera")
    header = check_image(path, "frame")
    assert (header.size, header.orientation, header.format) == (SIZE, 1, "JPEG")
    assert not header.deep


@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize(
    "damage", [zeros_in_the_middle, cut_with_an_end_marker, last_bytes_lost]
)
def test_partly_decoded_jpeg_is_refused_everywhere(
    tmp_path: Path, damage: Callable[[bytes], bytes], optimize: bool
):
    path = tmp_path / "a.jpg"
    path.write_bytes(damage(jpeg(optimize=optimize)))
    with Image.open(path) as image:
        image.load()  # Pillow sees nothing
    message = f"frame {path} cannot be read: Corrupt JPEG data: premature end"
    for read in (lambda: check_image(path, "frame"), lambda: image_size(path)):
        with pytest.raises(ValueError, match=message):
            read()
    (finding,) = check_files(
        {"train": [Frame("", 1, str(path))]}, SPLASH, progress=False
    ).findings
    assert (finding.code, finding.level) == ("unreadable_image", "error")
    assert "premature end" in finding.message


def with_long_text(path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("key", "x" * (2 << 20), zip=True)
    Image.new("RGB", SIZE).save(path, pnginfo=info)


def with_odd_exif(path: Path) -> None:
    # An entry of EXIF that points behind the end of its data.
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01\x03\0"
    Image.new("RGB", SIZE).save(path, "JPEG", exif=exif)


def without_end(path: Path) -> None:
    Image.new("RGB", SIZE).save(path)
    path.write_bytes(path.read_bytes()[:-12])


def too_large(path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(path)


@pytest.mark.parametrize(
    ("name", "spoil", "reason"),
    [
        ("a.png", with_long_text, "without its text chunks"),
        ("a.jpg", with_odd_exif, "without EXIF data"),
        ("a.png", without_end, "truncated PNG file"),
        ("a.png", too_large, "scale it down"),
        ("a.png", Path.touch, "cannot identify image file"),
        ("a.png", Path.mkdir, "Is a directory"),
    ],
)
def test_extreme_files_are_named_and_do_not_hide_others(
    tmp_path: Path, name: str, spoil: Callable[[Path], None], reason: str
):
    path, good = tmp_path / name, tmp_path / "good.png"
    spoil(path)
    Image.fromarray(np.eye(8, dtype=np.uint8) * 200).save(good)
    message = f"{path} cannot be read: .*{reason}"
    with pytest.raises(ValueError, match=message):
        check_image(path, "frame")
    if path.is_file():
        parts = {"train": [Frame("", 1, str(path)), Frame("", 2, str(good))]}
        (finding,) = check_files(parts, SPLASH, progress=False).findings
        assert finding.frames == (str(path),)
        assert reason in finding.message
    # Seen in the header, or later: the writer names all.
    assert (open_picture(path)[1] is None) == (spoil is not without_end)


def test_damaged_label_is_named(tmp_path: Path):
    with_long_text(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"label .*a\.png cannot be read: .*text"):
        read_gray(tmp_path / "a.png")


def test_large_picture_below_the_limit_is_read(tmp_path: Path):
    path = tmp_path / "a.png"
    Image.new("1", (10_000, 9_000)).save(path)  # Pillow warns from 89,478,485 pixels
    assert read_header(path, "frame").size == (10_000, 9_000)


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_frames_are_judged_by_what_training_reads(tmp_path: Path, channels: int):
    path = tmp_path / "a.png"
    shape = (12, 16, 3)[: 2 if channels == 1 else 3]
    pixels = np.random.default_rng(0).integers(0, 4096, shape).astype(np.uint16)
    cv2.imwrite(str(path), pixels)
    rgb = read_as_training(path)
    upper = (pixels if channels == 3 else pixels[..., None].repeat(3, -1)) >> 8
    np.testing.assert_array_equal(rgb[..., ::-1], upper)
    (finding,) = check_files(
        {"train": [Frame("", 1, str(path))]}, SPLASH, progress=False
    ).findings
    assert (finding.code, finding.level) == ("deep_image", "warning")
    assert f"values {upper.min()} to {upper.max()} of 255" in finding.message


def test_dark_16_bit_frame_is_constant_for_training(tmp_path: Path):
    path = tmp_path / "a.png"
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16)).astype(np.uint16)
    cv2.imwrite(str(path), pixels)
    parts = {"train": [Frame("", 1, str(path))]}
    codes = [f.code for f in check_files(parts, SPLASH, progress=False).findings]
    assert codes == ["deep_image", "constant_frame"]


def test_frames_read_unchanged_must_have_one_layout(tmp_path: Path):
    deep = np.random.default_rng(0).integers(0, 4096, (12, 16, 4)).astype(np.uint16)
    frames = []
    for name, pixels in (("a", deep), ("b", deep[::-1]), ("c", deep[..., 0])):
        path = tmp_path / f"{name}.png"
        cv2.imwrite(str(path), pixels)
        frames.append(Frame("", len(frames), str(path)))
    (finding,) = check_files(
        {"train": frames}, SPLASH, progress=False, unchanged=True
    ).findings
    assert (finding.code, finding.level) == ("several_layouts", "error")
    assert finding.message.endswith("4 x uint16 (2), 1 x uint16 (1)")
    assert finding.frames == (frames[2].image,)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_picture_of_16_bits_is_spread_over_8(tmp_path: Path, channels: int):
    path = tmp_path / "a.png"
    pixels = np.full((12, 16, channels), 500, np.uint16)
    pixels[0], pixels[-1] = 100, 900
    cv2.imwrite(str(path), pixels)
    picture = read_picture(path)
    assert picture.shape == (12, 16, 3)
    assert [picture[row].mean() for row in (0, 5, -1)] == [0, 128, 255]
