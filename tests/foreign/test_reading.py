"""Whatever a reader raises becomes one line that names the file."""

import errno
import zlib

import pytest

from mmseg_splashkd.foreign import UnreadableError, one_line, reading
from mmseg_splashkd.foreign.reading import LINE
from mmseg_splashkd.unwritable import UnwritableError


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyError("shape"), "it lacks 'shape'"),
        (RecursionError("maximum recursion depth"), "nested too deeply"),
        (MemoryError(), "needs more memory than there is"),
        (zlib.error("Error -3"), "error: Error -3"),
        (TypeError("unhashable"), "TypeError: unhashable"),
        (ValueError("no number"), "cannot be read: no number"),
        (OSError("broken"), "cannot be read: broken"),
        (EOFError(), "EOFError"),
        (ValueError("two\n  lines\x1b[31m"), r"two lines\x1b[31m"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_of_any_type_name_the_file(tmp_path, error, reason):
    path = tmp_path / "a.bin"
    with pytest.raises(UnreadableError) as caught, reading(path, "label"):
        raise error
    text = str(caught.value)
    assert text.startswith(f"label {path} cannot be read: ")
    assert reason in text
    assert text.isprintable()
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        UnreadableError("b.png cannot be read"),
        UnwritableError(errno.ENOSPC, "c.png cannot be written", "c.png"),
        ImportError("pip install x"),
        PermissionError(errno.EACCES, "Permission denied", "a.bin"),
        ValueError("a.bin, line 3: no number"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_that_name_a_file_or_a_remedy_are_passed_on(error):
    with pytest.raises(type(error)) as caught, reading("a.bin"):
        raise error
    assert caught.value is error


def test_a_file_that_is_missing_stays_missing():
    error = FileNotFoundError("b.png is nowhere")
    message = r"^list a\.txt: b\.png is nowhere$"
    with pytest.raises(FileNotFoundError, match=message), reading("a.txt", "list"):
        raise error


def test_a_long_message_keeps_its_start_and_its_end():
    text = one_line(f"start {'x' * 10**6}\n\u202e end")
    assert len(text) <= LINE
    assert text.startswith("start xxx")
    assert text.endswith(r"xxx \u202e end")
    assert one_line("caf\u00e9 \ud800 \0") == "caf\u00e9 \\ud800 \\x00"
