"""Errors of files that cannot be read: one line that names the file.

Libraries raise errors of any type for a file that is damaged, or that somebody made for
the purpose: ``RecursionError``, ``KeyError``, ``MemoryError``, ``zlib.error``; most do
not know the file's name, and some repeat its content.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmseg_splashkd.unwritable import UnwritableError

LINE = 800  # characters of a message
HALF = 90  # of them from its end, if it is longer
# Of the types that libraries raise on purpose, whose name says nothing more.
PLAIN = (ValueError, OSError, EOFError)


class UnreadableError(ValueError):
    """A file cannot be read; the message is one line and names it."""


@contextmanager
def reading(
    path: str | Path, what: str = "", verdict: str = "cannot be read"
) -> Iterator[None]:
    """Name the file in every error that reading it raises inside the context.

    Errors that name it already, in one line, are passed on.

    Args:
        path: The file.
        what: Its role, for the message, such as ``'label'``.
        verdict: What the message says of it.

    Raises:
        FileNotFoundError: The file names another one that does not exist.
        UnreadableError: Anything else was raised, of whatever type.
    """
    try:
        yield
    except (UnreadableError, UnwritableError, ImportError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and str(error.filename) == str(path):
            raise  # of the system
        text = str(error)
        named = str(path) in text
        if isinstance(error, ValueError | OSError) and named and one_line(text) == text:
            raise
        reason = one_line(_reason(error))
        if named and isinstance(error, ValueError | OSError):
            kind = FileNotFoundError if isinstance(error, OSError) else UnreadableError
            raise kind(reason) from error
        name = f"{what} {one_line(str(path))}".lstrip()
        if isinstance(error, FileNotFoundError):  # another file, which this one names
            raise FileNotFoundError(f"{name}: {reason}") from error
        raise UnreadableError(f"{name} {verdict}: {reason}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "its values are nested too deeply"
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    text = str(error)
    if isinstance(error, PLAIN) and text:
        return text
    return f"{type(error).__name__}: {text}".removesuffix(": ")


def one_line(text: str) -> str:
    """A text that may hold anything, for a message on a terminal.

    Args:
        text: Any text, of any length.

    Returns:
        At most ``LINE`` printable characters: white space is one blank, other
        characters that are not printable are escaped, the middle of a long text is left
        out.
    """
    if len(text) <= LINE:
        text = _printable(text)
    if len(text) > LINE:
        head, tail = _printable(text[:LINE]), _printable(text[-HALF:])
        text = f"{head[: LINE - HALF - 5]} ... {tail[-HALF:]}"
    return text


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    blank = re.sub(r"[\r\n\t\v\f]\s*", " ", text)
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in blank
    )
