from collections import Counter
from pathlib import Path

import pytest

from mmseg_splashkd.datasets.pairs import Pairs, find_pairs


def draw(root: Path, *names: str) -> Path:
    """Write empty files; only names count."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def found(pairs: Pairs, root: Path) -> list[tuple[str, str, str]]:
    """(image, mask, recording) of each pair, relative to the root."""
    return [
        (
            pair.image.relative_to(root).as_posix(),
            pair.mask.relative_to(root).as_posix() if pair.mask else "",
            pair.recording,
        )
        for pair in pairs.pairs
    ]


LAYOUTS = {
    "one folder by suffix": ("a.jpg a.png b.JPG b.png", "a.jpg a.png, b.JPG b.png"),
    "one folder by word": (
        "a.png a_mask.png b.jpg b_mask.png",
        "a.png a_mask.png, b.jpg b_mask.png",
    ),
    "word in front": ("img_1.png mask_1.png", "img_1.png mask_1.png"),
    "word behind both": ("1-image.png 1-gt.png", "1-image.png 1-gt.png"),
    "word of both and suffix": ("img_1.jpg img_1_mask.png", "img_1.jpg img_1_mask.png"),
    "numbers in two folders": (
        "img/0.png img/10.png gt/0.png gt/10.png",
        "img/0.png gt/0.png, img/10.png gt/10.png",
    ),
    "mmseg": (
        "img_dir/train/a.jpg ann_dir/train/a.png img_dir/val/a.jpg ann_dir/val/a.png",
        "img_dir/train/a.jpg ann_dir/train/a.png train, "
        "img_dir/val/a.jpg ann_dir/val/a.png val",
    ),
    "recordings outside": (
        "cam1/images/a.jpg cam1/masks/a.png cam2/images/a.jpg cam2/masks/a.png",
        "cam1/images/a.jpg cam1/masks/a.png cam1, "
        "cam2/images/a.jpg cam2/masks/a.png cam2",
    ),
    "recordings inside, mixed": (
        "images/cam1/a.jpg labels/cam1/a.png images/cam2/b.png labels/cam2/b.png",
        "images/cam1/a.jpg labels/cam1/a.png cam1, "
        "images/cam2/b.png labels/cam2/b.png cam2",
    ),
    "words beside others": (
        "train_images/a.jpg train_masks/a.png test_images/a.jpg test_masks/a.png",
        "test_images/a.jpg test_masks/a.png test, "
        "train_images/a.jpg train_masks/a.png train",
    ),
    "voc": ("JPEGImages/a.jpg SegmentationClass/a.png",) * 2,
    "folder and word": ("images/a.jpg masks/a_mask.png",) * 2,
    "masks below": ("cam/a.jpg cam/masks/a.png", "cam/a.jpg cam/masks/a.png cam"),
    "one telling folder": ("raw/a.png mask/a.png",) * 2,
    "a word by chance": ("seg_1.jpg seg_1.png cam_1.jpg cam_1.png",),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_pairs_of_each_layout(tmp_path: Path, name: str):
    root = tmp_path / "pond"
    names, *expected = LAYOUTS[name]
    pairs = find_pairs(draw(root, *names.split()))
    if not expected:
        expected = ["cam_1.jpg cam_1.png, seg_1.jpg seg_1.png"]
    rows = [row.split() for row in expected[0].split(", ")]
    wanted = [(row[0], row[1], row[2] if len(row) > 2 else "pond") for row in rows]
    assert found(pairs, root) == wanted
    assert pairs.unpaired_masks == ()


def test_files_without_a_partner_and_others_are_kept_apart(tmp_path: Path):
    names = "images/a.jpg images/b.jpg masks/a.png masks/c.png masks/._a.png"
    draw(tmp_path, *names.split(), "Thumbs.db", "readme.txt", "README")
    pairs = find_pairs(tmp_path)
    assert [pair.mask and pair.mask.name for pair in pairs.pairs] == ["a.png", None]
    assert pairs.unpaired_masks == (tmp_path / "masks/c.png",)
    assert pairs.passed_over == Counter({"hidden": 2, ".txt": 1, "": 1})
    assert pairs.layout == "pictures in images/, masks in masks/"


def test_folders_and_affixes_can_be_named(tmp_path: Path):
    draw(tmp_path, "waves/0.png", "foam/0.png", "foam/1.png", "x/0-m.tif", "x/0.tif")
    pairs = find_pairs(tmp_path, images="waves", masks="foam")
    assert pairs.pairs[0].mask == tmp_path / "foam/0.png"
    assert pairs.unpaired_masks == (tmp_path / "foam/1.png",)
    pairs = find_pairs(tmp_path / "x", mask_suffix="-m")
    assert found(pairs, tmp_path / "x") == [("0.tif", "0-m.tif", "x")]
    with pytest.raises(ValueError, match="images=waves: name both folders"):
        find_pairs(tmp_path, images="waves")
    with pytest.raises(FileNotFoundError, match=r"no file in .* has a name M\.\.\."):
        find_pairs(tmp_path, mask_prefix="M")


def test_what_names_do_not_tell_is_not_guessed(tmp_path: Path):
    pairs = find_pairs(draw(tmp_path / "a", "waves/0.png", "foam/0.png"))
    assert [pair.mask for pair in pairs.pairs] == [None, None]
    assert pairs.layout == "pictures without masks"
    two = draw(tmp_path / "b", "images/0.png", "images/0.jpg", "masks/0.png")
    with pytest.raises(ValueError, match=r"0.jpg and .*0.png are two pictures of one"):
        find_pairs(two)
    with pytest.raises(FileNotFoundError, match="holds no pictures"):
        find_pairs(draw(tmp_path / "c", "a.txt"))
