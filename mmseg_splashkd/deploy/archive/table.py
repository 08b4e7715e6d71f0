"""The table and the page of an archive."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from mmseg_splashkd.deploy.archive.finished import Finished
from mmseg_splashkd.deploy.archive.listing import Listed
from mmseg_splashkd.deploy.watch import page
from mmseg_splashkd.deploy.watch.camera_source import is_camera, without_secrets
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.foreign import one_line
from mmseg_splashkd.report.html import write_page

FILE, PAGE = "archive.csv", "index.html"
COLUMNS = (
    "source",
    "name",
    "status",
    "frames",
    "dropped",
    "events",
    "seconds",
    "error",
)
DONE, EMPTY, FAILED, LEFT = "done", "empty", "failed", "left"


@dataclass(frozen=True)
class Line:
    """A source and what came of it.

    Attributes:
        listed: The source.
        finished: What came of it; None if it is not finished.
        error: Why it failed; empty if it did not.
    """

    listed: Listed
    finished: Finished | None = None
    error: str = ""

    @property
    def status(self) -> str:
        """``'done'``, ``'empty'`` without a row, ``'failed'``, or ``'left'``."""
        if self.finished is not None:
            return DONE if self.finished.frames else EMPTY
        return FAILED if self.error else LEFT

    def cells(self) -> list[str]:
        """The cells of the table, in the order of ``COLUMNS``."""
        address, found = self.listed.asked.source, self.finished
        source = without_secrets(address) if is_camera(address) else address
        counts = [""] * 4
        if found is not None:
            figures = (found.frames, found.dropped, found.events, found.seconds)
            counts = [str(each) for each in figures]
        error = one_line(self.error) if self.error else ""
        return [source, self.listed.name, self.status, *counts, error]


def exit_status(lines: Sequence[Line]) -> int:
    """Exit status of an archive, as that of a source.

    Returns:
        0; 1 if a source dropped frames, failed, is left or has no row; 2 if none has a
        row.
    """
    if not any(line.status == DONE for line in lines):
        return 2
    whole = (line.finished and line.status == DONE for line in lines)
    dropped = any(line.finished and line.finished.dropped for line in lines)
    return int(dropped or not all(whole))


def write_archive(out: Path, lines: Sequence[Line]) -> None:
    """Write ``archive.csv`` and ``index.html`` atomically.

    Args:
        out: Folder of the archive.
        lines: All sources, in their order.

    Raises:
        UnwritableError: Drive, quota or rights do not allow it.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(line.cells() for line in lines)
    # Names that are not Unicode, which a file system may hold, are escaped.
    plain = text.getvalue().encode(errors="backslashreplace").decode()
    write_whole(out / FILE, plain)
    counts = Counter(line.status for line in lines)
    figures = [line.finished for line in lines if line.finished is not None]
    write_page(
        "watched/archive.html.j2",
        out / PAGE,
        title=out.resolve().name,
        counts={each: counts[each] for each in (DONE, EMPTY, FAILED, LEFT)},
        frames=sum(each.frames for each in figures),
        events=sum(each.events for each in figures),
        dropped=sum(each.dropped for each in figures),
        heads=["Camera", "Status", "Frames", "Dropped", "Events", "Error", "Source"],
        rows=[_row(out, line) for line in lines],
    )


def _row(out: Path, line: Line) -> list[str]:
    source, name, status, frames, dropped, events, _, error = line.cells()
    shown: str = name
    if (out / name / page.FILE).is_file():
        address = f"{quote(name, errors='surrogateescape')}/{page.FILE}"
        shown = Markup('<a href="{}">{}</a>').format(address, _plain(name))
    numbers = (f"{int(n):,}" if n else "" for n in (frames, dropped, events))
    return [shown, status, *numbers, _plain(error), _plain(source)]


def _plain(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
