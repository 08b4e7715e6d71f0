"""Lists that say which frame is in which part, as other data sets come with."""

import csv
from collections.abc import Sequence
from pathlib import Path

NAMES = ("frame", "image", "id", "name")  # columns that may name a frame


def read_lists(sources: Sequence[str]) -> dict[str, list[str]]:
    """Read given lists.

    Args:
        sources: ``part=file`` for each part, or one CSV file with a column ``split``. A
            file has a name a line; a ``.csv`` has a header, and the names in its column
            ``frame``, ``image``, ``id`` or ``name``. Empty lines do not count.

    Returns:
        Part -> names, as ``split_by_list`` takes them.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A part is given twice, a file names no frame, or a column is
            missing.
    """
    if len(sources) == 1 and "=" not in sources[0]:
        return _read_mapping(Path(sources[0]))
    lists: dict[str, list[str]] = {}
    for source in sources:
        part, equals, file = source.partition("=")
        if not equals or part in lists:
            raise ValueError(
                f"list {source!r}: give part=file once a part, such as train=train.txt "
                f"val=val.txt test=test.txt, or one CSV with the columns frame,split"
            )
        lists[part] = _read_names(Path(file))
    return lists


def _read_names(path: Path) -> list[str]:
    if path.suffix == ".csv":
        names = [name for name, _ in _read_csv(path)]
    else:
        names = [line.strip() for line in _text(path).splitlines()]
    names = [name for name in names if name]
    if not names:
        raise ValueError(f"list {path} names no frame")
    return names


def _read_mapping(path: Path) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, row in _read_csv(path):
        if not row.get("split"):
            raise ValueError(f"list {path}: {name} has no part in a column split")
        lists.setdefault(row["split"], []).append(name)
    return lists


def _read_csv(path: Path) -> list[tuple[str, dict[str, str]]]:
    reader = csv.DictReader(_text(path).splitlines(), restval="", skipinitialspace=True)
    header = reader.fieldnames or ()
    column = next((name for name in NAMES if name in header), None)
    if column is None:
        raise ValueError(
            f"list {path}: none of its columns {list(header)} is one of {NAMES}"
        )
    return [(row[column].strip(), row) for row in reader]


def _text(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(f"list {path} does not exist")
    return path.read_text(encoding="utf-8-sig")  # spreadsheets write a byte order mark
