import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from mmseg_splashkd.files import (
    file_sha256,
    read_text,
    remove_partials,
    target_of_partial,
    whole_file,
    write_whole,
)


def test_a_written_file_leaves_no_temporary_file(tmp_path):
    path = write_whole(tmp_path / "new" / "a.csv", "ä\r\n")
    assert path.read_bytes() == b"\xc3\xa4\r\n"
    assert [each.name for each in path.parent.iterdir()] == ["a.csv"]
    assert file_sha256(path) == hashlib.sha256(b"\xc3\xa4\r\n").hexdigest()


def test_partial_files_of_processes_that_ended_are_removed(tmp_path):
    names = ".a.partial.csv", f".b.{2**40}.partial.png", f".c.d.{2**22 + 1}.partial"
    for name in (*names, "e.csv", f".f.{os.getpid()}.partial.json", ".run.lock"):
        (tmp_path / name).touch()
    remove_partials(tmp_path, tmp_path / "absent")
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [f".f.{os.getpid()}.partial.json", ".run.lock", "e.csv"]


def test_failure_leaves_the_file_as_it_was(tmp_path):
    path = write_whole(tmp_path / "a.png", "old")
    with pytest.raises(OSError, match="full"):
        write_half(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
def test_only_a_drive_without_order_of_names_may_refuse_to_wait(
    tmp_path, monkeypatch, number
):
    def sync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number), str(tmp_path))

    monkeypatch.setattr(os, "fsync", sync)
    if number == errno.EINVAL:
        write_whole(tmp_path / "a", "new", sync=True)
    else:
        with pytest.raises(OSError, match="drive reports an error"):
            write_whole(tmp_path / "a", "new", sync=True)
    assert (tmp_path / "a").read_text() == "new"


def test_modes_are_set_only_where_they_differ(tmp_path, monkeypatch):
    def chmod(*_: object) -> None:
        raise PermissionError("a drive without modes")

    monkeypatch.setattr(Path, "chmod", chmod)
    assert write_whole(tmp_path / "a", "new").read_text() == "new"


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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_of_editors_and_spreadsheets_is_read(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes("fjæra,b\r\n".encode(encoding))
    assert read_text(path) == "fjæra,b\r\n"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("a\nfjæra\n".encode("latin-1"), "is not in UTF-8"),
        ("a\nb\n".encode("utf-16-le"), "has zero bytes"),
        (b"a\nb\0\n", "has zero bytes"),
        ("a\nb\n".encode("utf-16")[:-1], "is not in UTF-16"),
    ],
)
def test_error_names_file_line_and_remedy_of_another_encoding(tmp_path, content, what):
    (tmp_path / "a.csv").write_bytes(content)
    message = rf"a\.csv, line [123], {what}.*: save the file as UTF-8"
    with pytest.raises(ValueError, match=message):
        read_text(tmp_path / "a.csv")
