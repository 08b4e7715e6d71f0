"""Pictures that cannot be read are all named, by every converter of pictures."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from mmseg_splashkd.datasets.converters.coco import read_coco
from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.masks import read_masks
from mmseg_splashkd.datasets.converters.paired import read_pairs
from mmseg_splashkd.datasets.converters.pictures import UprightPicture, open_picture
from mmseg_splashkd.datasets.converters.writer import write_items
from mmseg_splashkd.datasets.label_coding import SPLASH
from tests.datasets.builders import splash_label, stamp, write_frame
from tests.datasets.converters import (
    test_coco,
    test_label_studio,
    test_masks,
    test_paired,
)

Source = tuple[Sequence[Path], Callable[[], list[Item]], object]


def cvat(root: Path) -> Source:
    test_masks.write_cvat(root)
    write_frame(root / "JPEGImages" / f"{stamp(2)}.png", 2)
    paths = sorted((root / "JPEGImages").iterdir())
    return paths, lambda: read_masks(root, test_masks.GRAY), test_masks.GRAY


def label_studio(root: Path) -> Source:
    test_label_studio.write(root, *([test_label_studio.annotation()],) * 3)
    coding = test_label_studio.CODING
    paths = sorted((root / "images").iterdir())
    return paths, lambda: read_masks(root, coding), coding


def coco(root: Path) -> Source:
    names = [f"{stamp(number)}.png" for number in range(3)]
    images = [test_coco.image(number, name) for number, name in enumerate(names)]
    outline = test_coco.rectangle(2, 2, 9, 9)
    test_coco.write_coco(root, [test_coco.annotation(1, 1, [outline])], images)
    read = lambda: read_coco(root, test_coco.TRASH, {"": "train.json"})  # noqa: E731
    return [root / name for name in names], read, test_coco.TRASH


def pairs(root: Path) -> Source:
    test_paired.write(root, *(splash_label(number) for number in range(3)))
    paths = [
        root / f"{number}{s}" for number, s in enumerate((".jpg", ".JPEG", ".jpg"))
    ]
    return paths, lambda: read_pairs(root, SPLASH, timestamp="none"), SPLASH


@pytest.mark.parametrize("source", [cvat, label_studio, coco, pairs])
def test_every_picture_without_a_header_is_named(tmp_path: Path, source):
    paths, read, coding = source(tmp_path / "src")
    for path in paths[1:]:
        path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"^2 pictures cannot be converted:") as caught:
        write_items(read(), tmp_path / "dst", coding, about={})
    for line, path in zip(str(caught.value).splitlines()[1:], paths[1:], strict=True):
        assert line.startswith(f"  frame {path} cannot be read: cannot identify")
    assert not (tmp_path / "dst").exists()


def turned(path: Path) -> Path:
    """A picture of 20 x 30 pixels that is shown as 30 x 20."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    pixels = np.random.default_rng(0).integers(0, 256, (30, 20, 3), np.uint8)
    Image.fromarray(pixels).save(path, exif=exif)
    return path


def test_a_turned_picture_has_the_size_that_is_shown(tmp_path: Path):
    picture, size = open_picture(turned(tmp_path / "a.jpg"))
    assert isinstance(picture, UprightPicture)
    assert size == (30, 20)
    assert picture().shape == (20, 30, 3)


def test_damaged_turned_pictures_are_named_before_one_is_written(tmp_path: Path):
    paths = [turned(tmp_path / f"{number}.jpg") for number in range(2)]
    items = [
        Item("", number, open_picture(p)[0], None) for number, p in enumerate(paths)
    ]
    for path in paths:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"^2 pictures cannot be converted:") as caught:
        write_items(items, tmp_path / "dst", SPLASH, about={})
    for line, path in zip(str(caught.value).splitlines()[1:], paths, strict=True):
        assert line.startswith(f"  picture {path} cannot be read: ")
    assert not (tmp_path / "dst").exists()


def test_every_damaged_mask_of_pairs_is_named(tmp_path: Path):
    pairs(tmp_path)
    for number in (0, 2):
        (tmp_path / f"{number}.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"^2 masks cannot be converted:") as caught:
        read_pairs(tmp_path, SPLASH, timestamp="none")
    assert [str(tmp_path / f"{n}.png") in str(caught.value) for n in range(3)]
