"""Names of files of frames."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmseg_splashkd.evaluation.frame_files import FrameFiles, frame_name, frame_names


def dataset(*infos: dict[str, Any], **attributes: Any) -> Any:
    """A built data set of frames."""

    class Frames(SimpleNamespace):
        def __len__(self) -> int:
            return len(infos)

        def get_data_info(self, index: int) -> dict[str, Any]:
            return infos[index]

    return Frames(**attributes)


def foreign(*paths: str, folder: str = "d/images") -> Any:
    """A data set of MMSegmentation, which knows no recordings."""
    prefix = {"img_path": folder}
    return dataset(*({"img_path": path} for path in paths), data_prefix=prefix)


def test_file_is_called_as_its_frame(tmp_path: Path):
    files = FrameFiles(tmp_path / "out" / "maps")
    stem = "1714521600-000000000"
    path = files.path_of(f"images/pond/{stem}.jpg")
    assert path == tmp_path / "out" / "maps" / f"{stem}.png"
    assert path.parent.is_dir()


def test_same_frame_may_be_written_again(tmp_path: Path):
    files = FrameFiles(tmp_path)
    assert files.path_of("pond/a.png") == files.path_of("pond/a.png")


@pytest.mark.parametrize("other", ["sea/a.png", "pond/a.jpg"])
def test_two_frames_of_one_name_are_both_named(tmp_path: Path, other: str):
    files = FrameFiles(tmp_path)
    files.path_of("pond/a.png")
    message = rf"{other} and pond/a\.png would both be written to a\.png"
    with pytest.raises(ValueError, match=message):
        files.path_of(other)


def test_cameras_that_film_at_the_same_time_have_files_of_their_own(tmp_path: Path):
    frames = dataset(
        {"img_path": "x/east/7.png", "recording": "east"},
        {"img_path": "x/west/7.png", "recording": "west/upper"},
        {"img_path": "x/8.png", "recording": "."},
    )
    files = FrameFiles(tmp_path, frame_names(frames))
    paths = [files.path_of(frames.get_data_info(n)["img_path"]) for n in range(3)]
    names = [path.relative_to(tmp_path).as_posix() for path in paths]
    assert names == ["east/7.png", "west/upper/7.png", "8.png"]


def test_foreign_frames_are_named_below_their_image_folder():
    city = foreign("d/images/bonn/1.png", "d/images/2.png")
    assert frame_names(city) == {"d/images/bonn/1.png": "bonn/1", "d/images/2.png": "2"}
    two = foreign("e/img/1.png", folder="e/img"), foreign("f/img/1.png", folder="f/img")
    infos = [each.get_data_info(0) for each in two]
    both = dataset(*infos, datasets=list(two))
    assert list(frame_names(both).values()) == ["e/img/1", "f/img/1"]
    wrapped = dataset(*infos[:1], dataset=two[0])
    assert list(frame_names(wrapped).values()) == ["1"]


def test_two_frames_of_one_file_are_refused_before_any_is_written():
    same = foreign("d/images/1.png", "d/images/1.jpg")
    message = r"1\.jpg and d/images/1\.png would both be written to 1\.png: rename one"
    with pytest.raises(ValueError, match=message):
        frame_names(same)


@pytest.mark.parametrize(
    ("recording", "frame", "name"),
    [
        ("2024-05-01T08:00", "a.png", "2024-05-01T08_00/a"),
        ("../../etc", "a.png", "_/_/etc/a"),
        ("/mnt/cam", "a.png", "mnt/cam/a"),
        ("cam\\1", "a.png", "cam/1/a"),
        ("con", "nul.1.png", "_con/_nul.1"),
        ("cam. ", 'a?"b.png', "cam._/a__b"),
        (".", "x/0.7.png", "0.7"),
    ],
)
def test_names_are_valid_everywhere(recording: str, frame: str, name: str):
    assert frame_name(recording, frame) == name
