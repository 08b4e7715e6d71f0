import hashlib
from pathlib import Path

import pytest

from mmseg_splashkd.files import (
    file_sha256,
    target_of_partial,
    whole_file,
    write_whole,
)


def test_a_written_file_leaves_no_temporary_file(tmp_path):
    path = write_whole(tmp_path / "new" / "a.csv", "ä\r\n")
    assert path.read_bytes() == b"\xc3\xa4\r\n"
    assert [each.name for each in path.parent.iterdir()] == ["a.csv"]
    assert file_sha256(path) == hashlib.sha256(b"\xc3\xa4\r\n").hexdigest()


def test_failure_leaves_the_file_as_it_was(tmp_path):
    path = write_whole(tmp_path / "a.png", "old")
    with pytest.raises(OSError, match="full"):
        write_half(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def write_half(path) -> None:
    with whole_file(path) as partial:
        assert partial.suffix == ".png"
        partial.write_text("hal")
        raise OSError("full")


@pytest.mark.parametrize("name", ["a.png", "a.b.csv", ".state.json", "a"])
def test_partial_files_name_their_target(tmp_path, name: str):
    with whole_file(tmp_path / name) as partial:
        partial.touch()
        assert target_of_partial(partial) == tmp_path / name
    assert target_of_partial(f".{name}.partial") == Path(name)  # earlier versions
    assert target_of_partial(tmp_path / name) is None
