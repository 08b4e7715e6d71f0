from pathlib import Path

import numpy as np
import pytest

from mmseg_splashkd.datasets.converters import layout
from mmseg_splashkd.datasets.converters.layout import (
    LabelFile,
    describe_contents,
    expect_folders,
    files_in,
    nominal_starts,
    pairs,
)
from mmseg_splashkd.datasets.timestamps import SECOND
from tests.datasets.builders import write_label


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_a_label_file_reads_and_names_itself(tmp_path):
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    write_label(tmp_path / "a.png", pixels)
    label = LabelFile(tmp_path / "a.png")
    np.testing.assert_array_equal(label(), pixels)
    assert str(label) == str(tmp_path / "a.png")


def test_files_are_found_by_suffix_in_order(tmp_path):
    touch(tmp_path, "b_x.png", "a_x.png", "c.jpg", "c_x.txt", "d_y.png")
    found = files_in(tmp_path, "_x.png", ".jpg")
    assert list(found) == ["a", "b", "c"]
    assert found["a"] == tmp_path / "a_x.png"


def test_one_frame_in_two_formats_is_rejected(tmp_path):
    touch(tmp_path, "a.png", "a.jpg")
    with pytest.raises(ValueError, match=r"a\.jpg and .*a\.png are one frame twice"):
        files_in(tmp_path, ".png", ".jpg")


def test_frames_are_paired_with_labels(tmp_path):
    images = touch(tmp_path / "images", "2.jpg", "1.png", "note.txt")
    labels = touch(tmp_path / "labels", "1.png", "2.png", "Thumbs.db")
    assert pairs(images, labels, (".png", ".jpg")) == [
        (images / "1.png", labels / "1.png"),
        (images / "2.jpg", labels / "2.png"),
    ]


@pytest.mark.parametrize(
    ("frames", "masks", "match"),
    [
        (["1", "2", "3"], ["2"], r"2 files .* in .*labels, .* images/1\.png"),
        (["2"], ["1", "2", "3"], r"2 files .* in .*images, .* labels/1\.png"),
        ([], [], r"no \.png file; images holds nothing"),
    ],
)
def test_an_incomplete_data_set_is_rejected(
    tmp_path, monkeypatch, frames: list[str], masks: list[str], match: str
):
    monkeypatch.chdir(tmp_path)
    images = touch(Path("images"), *(f"{name}.png" for name in frames))
    labels = touch(Path("labels"), *(f"{name}.png" for name in masks))
    with pytest.raises(FileNotFoundError, match=match):
        pairs(images, labels)


def test_a_missing_folder_is_named_with_what_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(Path("src"), "b", "a")
    with pytest.raises(FileNotFoundError, match=r"src/x/y is not a .*; src holds a, b"):
        expect_folders([Path("src"), Path("src/x/y")], "LAYOUT")
    touch(Path("many"), *map(str, range(10)))
    assert (
        describe_contents(Path("many"))
        == "many holds 0, 1, 2, 3, 4, 5, 6, 7 and 2 more"
    )


def test_nominal_starts_are_days_apart():
    starts = nominal_starts(["b", "a", "b"])
    assert starts == {"a": 1_000_000_000 * SECOND, "b": 1_000_086_400 * SECOND}


def test_files_passed_over_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    said: list[str] = []
    monkeypatch.setattr(layout, "print_log", lambda text, *_: said.append(text))
    for name in ("a.png", "b.jpg", "c.jpg", "._a.png", "Thumbs.db"):
        (tmp_path / name).touch()
    assert list(files_in(tmp_path, ".png")) == ["a"]
    assert said == [f"{tmp_path}: passed over 2 hidden, 2 .jpg; .png is read"]
