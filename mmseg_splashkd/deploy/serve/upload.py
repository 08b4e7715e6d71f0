"""One file and some fields of a form, streamed into a private folder."""

import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from mmseg_splashkd.deploy.serve.body import Body
from mmseg_splashkd.deploy.serve.refusal import UNREADABLE, RefusedError
from mmseg_splashkd.foreign import one_line
from mmseg_splashkd.unwritable import writing

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FILE = "upload"  # name of every file; that of the client is not used
FORM = "multipart/form-data"
LONGEST = 1000  # bytes of a field


@dataclass(frozen=True)
class Upload:
    """What was received.

    Attributes:
        path: The file; ``path.parent`` is a folder of its own.
        fields: Other fields of the form.
    """

    path: Path
    fields: dict[str, str]


@asynccontextmanager
async def received(
    body: Body, content_type: str, root: Path, allowed: Collection[str]
) -> AsyncIterator[Upload]:
    """Receive a form; its file and its folder are removed when the context ends.

    Args:
        body: Body of the request.
        content_type: Header of this name.
        root: Folder of this process, which others cannot read.
        allowed: Names of fields beside ``file``.

    Raises:
        GoneError: The client is gone.
        RefusedError: It is no such form, is too large, or has no file or other fields.
        UnwritableError: Drive, quota or rights do not allow it.
    """
    kind, options = parse_options_header(content_type)
    if kind.decode("latin-1") != FORM or not options.get(b"boundary"):
        raise RefusedError(415, f"send a form ({FORM}) with a file: curl -F file=@FILE")
    with tempfile.TemporaryDirectory(dir=root, prefix="upload_") as folder:
        path = Path(folder) / FILE
        with writing(path), path.open("wb") as file:
            parts = _Parts(file, frozenset(allowed))
            await _parse(body, options[b"boundary"], parts)
        parts.check()
        yield Upload(path, parts.fields)


async def _parse(body: Body, boundary: bytes, parts: "_Parts") -> None:
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        async for chunk in body.chunks():
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise RefusedError(
            400, f"the form is damaged: {one_line(str(error))}"
        ) from error


@dataclass
class _Parts:
    """Parts of a form as the parser meets them."""

    file: BinaryIO
    allowed: frozenset[str]
    fields: dict[str, str] = field(default_factory=dict)
    size: int | None = None  # bytes of the file; None: it has not come
    is_whole: bool = False
    _header: bytes = b""
    _value: bytes = b""
    _disposition: bytes = b""
    _name: str = ""
    _content: bytearray = field(default_factory=bytearray)

    def callbacks(self) -> "MultipartCallbacks":
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._take_header,
            "on_header_value": self._take_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._named,
            "on_part_data": self._take,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def check(self) -> None:
        """Refuse a form that is not whole, or has no file."""
        if not self.is_whole:
            raise RefusedError(400, "the form ends early: send it again")
        if self.size is None:
            raise RefusedError(
                UNREADABLE, "the form has no file: name the field 'file'"
            )
        if not self.size:
            raise RefusedError(UNREADABLE, "the file is empty: send another one")

    def _begin(self) -> None:
        self._header = self._value = self._disposition = b""
        self._content = bytearray()

    def _take_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _named(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode(errors="replace")
        is_known = self._name == "file" or self._name in self.allowed
        if not is_known:
            names = ", ".join(["file", *sorted(self.allowed)])
            raise RefusedError(
                UNREADABLE,
                f"the form has a field {one_line(self._name)!r}: give only {names}",
            )
        if self._name in self.fields or (
            self._name == "file" and self.size is not None
        ):
            raise RefusedError(
                UNREADABLE, f"the form has the field {self._name!r} twice: give one"
            )
        if self._name == "file":
            self.size = 0

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._name == "file":
            self.size = (self.size or 0) + self.file.write(data[start:end])
            return
        self._content += data[start:end]
        if len(self._content) > LONGEST:
            raise RefusedError(
                UNREADABLE, f"{self._name} has more than {LONGEST} bytes: shorten it"
            )

    def _end(self) -> None:
        if self._name != "file":
            self.fields[self._name] = self._content.decode(errors="replace")

    def _finish(self) -> None:
        self.is_whole = True
