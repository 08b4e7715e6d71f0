"""The sources of an archive: words of the command line, or a list of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmseg_splashkd.deploy.watch.command import Asked, recording_of
from mmseg_splashkd.files import read_text
from mmseg_splashkd.foreign import one_line, read_rows
from mmseg_splashkd.foreign.csv_file import SURPLUS

# Column of a list -> argument of ``Asked``; ``name`` is that of the folder.
COLUMNS = {
    "source": "source",
    "start": "start",
    "from": "first",
    "until": "until",
    "recording": "recording",
}
NAME, TIMESTAMP = "name", "timestamp"
RESERVED = ("archive.csv", "index.html")


@dataclass(frozen=True)
class Listed:
    """A source of an archive.

    Attributes:
        name: Name of its folder, unique in the archive.
        asked: What is watched, and how; ``out`` is its folder.
    """

    name: str
    asked: Asked


def listed_sources(
    common: Asked, words: Sequence[str], file: str | None = None
) -> list[Listed]:
    """The sources of an archive, those of the command line first.

    Args:
        common: What is the same for all; ``out`` is the folder of the archive.
        words: Sources.
        file: List of sources: ``.csv`` with the column ``source`` and any of ``name``,
            ``start``, ``from``, ``until``, ``recording`` and ``timestamp``, which take
            the place of those of ``common``; any other file has a source a line, and
            comments that begin with ``#``. Paths are relative to the working directory.

    Returns:
        The sources; the name of one without a name is that of its file or folder.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: There is no source, a column is unknown, or a name is invalid or
            not unique.
    """
    lines = [({"source": word}, f"source {one_line(word)}") for word in words]
    if file is not None:
        lines += _rows(file) if file.lower().endswith(".csv") else _lines(file)
    if not lines:
        raise ValueError(f"--sources {file} names no source: give one a line")
    found = [_listed(common, cells, where) for cells, where in lines]
    places: dict[str, str] = {}
    for each, (_, where) in zip(found, lines, strict=True):
        # Many drives do not tell upper from lower case.
        first = places.setdefault(each.name.casefold(), where)
        if first != where:
            raise ValueError(
                f"{where} has the name {each.name!r}, as {first}: names are those of "
                f"folders. Give other ones by the column name of --sources LIST.csv"
            )
    return found


def _lines(file: str) -> list[tuple[dict[str, str], str]]:
    texts = enumerate(read_text(file).splitlines(), 1)
    return [
        ({"source": text.strip()}, f"{file}, line {number},")
        for number, text in texts
        if text.strip() and not text.lstrip().startswith("#")
    ]


def _rows(file: str) -> list[tuple[dict[str, str], str]]:
    header, rows = read_rows(file, "list of sources")
    known = [*COLUMNS, NAME, TIMESTAMP]
    if "source" not in header or set(header) - set(known):
        raise ValueError(
            f"--sources {file} has the columns {header}: give source, and any of "
            f"{', '.join(known[1:])}"
        )
    found = []
    for number, row in enumerate(rows, 2):
        where = f"{file}, line {number},"
        if SURPLUS in row:
            raise ValueError(f"{where} has more cells than the header: {row[SURPLUS]}")
        found.append(({k: v.strip() for k, v in row.items() if v.strip()}, where))
    return found


def _listed(common: Asked, cells: Mapping[str, str], where: str) -> Listed:
    if "source" not in cells:
        raise ValueError(f"{where} has no source")
    given = {COLUMNS[key]: cells[key] for key in COLUMNS if key in cells}
    if TIMESTAMP in cells:
        given[TIMESTAMP] = {"name": cells[TIMESTAMP]}  # pyright: ignore
    asked = replace(common, **given)
    name = cells.get(NAME) or recording_of(asked)
    _check_name(name, where)
    if asked.recording is None and NAME in cells:
        asked = replace(asked, recording=name)
    return Listed(name, replace(asked, out=Path(common.out) / name))


def _check_name(name: str, where: str) -> None:
    odd = [c for c in name if c in "/\\" or not c.isprintable()]
    if not name or odd or name.startswith(".") or name.casefold() in RESERVED:
        raise ValueError(
            f"{where} has the name {one_line(name)!r}, which is no name of a folder: "
            f"give another one by the column name of --sources LIST.csv"
        )
