"""Answers to requests that are refused, which tell nothing of the machine."""

import re
from collections.abc import Mapping
from pathlib import Path

from mmseg_splashkd.limits import LimitError

UNREADABLE, TOO_MUCH = 422, 413  # status codes
# Options of tools/watch.py are fields of a form here.
OPTION = re.compile(r"--(?=(class|every|start)\b)")


class RefusedError(Exception):
    """A request is refused.

    Args:
        status: HTTP status code.
        text: Why, and what to do; the client reads it.
        headers: Further headers of the answer.
    """

    def __init__(
        self, status: int, text: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = dict(headers or {})


class GoneError(Exception):
    """The client does not wait for an answer anymore."""


def refusal_of(error: Exception, folder: Path) -> RefusedError:
    """The answer to an upload that cannot be read.

    Args:
        error: What reading it raised.
        folder: Folder of the upload, which the answer does not name.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, LimitError):
            return RefusedError(TOO_MUCH, f"the upload has {cause.asked}")
        cause = cause.__cause__
    return RefusedError(UNREADABLE, public(str(error), folder))


def public(text: str, folder: Path) -> str:
    """A message without the name of a folder of this machine.

    Args:
        text: The message.
        folder: The folder.
    """
    return OPTION.sub("", text.replace(f"{folder}/", ""))
