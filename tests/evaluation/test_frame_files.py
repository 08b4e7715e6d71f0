from pathlib import Path

import pytest

from mmseg_splashkd.evaluation.frame_files import FrameFiles


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
