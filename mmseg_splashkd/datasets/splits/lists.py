"""Lists of frame names per part, as published with other data sets."""

from collections.abc import Sequence
from pathlib import Path

from mmseg_splashkd.files import read_text
from mmseg_splashkd.foreign import one_line, read_rows, reading

NAMES = ("frame", "image", "id", "name")  # columns that may hold the frame's name


def read_lists(sources: Sequence[str]) -> dict[str, list[str]]:
    """Read lists of frame names.

    Args:
        sources: ``part=file`` for each part, or one CSV file with a column ``split``. A
            text file has one name per line. A ``.csv`` file has a header, and names in
            its column ``frame``, ``image``, ``id`` or ``name``. Empty lines are
            skipped.

    Returns:
        Part -> names, as ``split_by_list`` takes them.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: A part is given twice, a file has no name, or a column is missing.
    """
    if len(sources) == 1 and "=" not in sources[0]:
        return _read_mapping(Path(sources[0]))
    lists: dict[str, list[str]] = {}
    for source in sources:
        part, equals, file = source.partition("=")
        if not equals or part in lists:
            raise ValueError(
                f"list {source!r}: give part=file once per part, such as "
                f"train=train.txt val=val.txt test=test.txt, or one CSV with the "
                f"columns frame,split"
            )
        lists[part] = _read_names(Path(file))
    return lists


def _read_names(path: Path) -> list[str]:
    _check_there(path)
    if path.suffix == ".csv":
        names = [name for name, _ in _read_csv(path)]
    else:
        with reading(path, "list"):
            names = [_name(line) for line in read_text(path).splitlines()]
    names = [name for name in names if name]
    if not names:
        raise ValueError(f"list {path} names no frame")
    return names


def _read_mapping(path: Path) -> dict[str, list[str]]:
    _check_there(path)
    lists: dict[str, list[str]] = {}
    for name, row in _read_csv(path):
        if not row.get("split"):
            raise ValueError(
                f"list {path}: {one_line(name)} has no part in a column split"
            )
        lists.setdefault(row["split"], []).append(name)
    return lists


def _read_csv(path: Path) -> list[tuple[str, dict[str, str]]]:
    header, rows = read_rows(path, "list", spaces=True)
    column = next((name for name in NAMES if name in header), None)
    if column is None:
        columns = one_line(str(header))
        raise ValueError(
            f"list {path}: none of its columns {columns} is one of {NAMES}"
        )
    return [(_name(row[column]), row) for row in rows]


def _name(cell: str) -> str:
    """A name with slashes, as ``Frame.image`` has them; Windows writes backslashes."""
    return cell.strip().replace("\\", "/")


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"list {path} does not exist")
