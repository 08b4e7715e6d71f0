"""The picture of each Label Studio task, found by the path that the task names."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from mmseg_splashkd.datasets.converters.pictures import SUFFIXES
from mmseg_splashkd.datasets.timestamps import TimestampFormat

UPLOAD = re.compile(r"^[0-9a-f]{8}-")  # prefix of uploaded files


def picture_path(data: Mapping[str, Any], task: int, key: str | None) -> PurePosixPath:
    """Path of the picture that a task names.

    It may be a path, an upload (``/data/upload/1/<prefix>-<name>``), a local file
    (``?d=<path>``), a proxied one (``?fileuri=<base64>``), or a URL of HTTP or S3.

    Args:
        data: Fields of the task.
        task: Its id, for error messages.
        key: Field that names the picture; None: the only one that names any.

    Raises:
        ValueError: No field names a picture, several do, or the field has a list.
    """
    fields = data if key is None else {key: data.get(key)}
    found = {
        name: path
        for name, value in fields.items()
        if isinstance(value, str) and (path := _path(value)) is not None
    }
    lists = [name for name, value in fields.items() if _names_pictures(value)]
    if len(found) == 1 and not lists:
        return next(iter(found.values()))
    if lists:
        raise ValueError(f"task {task}: {lists} are lists: give each picture a task")
    if found:
        raise ValueError(
            f"task {task} names several pictures, in {sorted(found)}: choose the "
            f"annotated one with --image-key"
        )
    raise ValueError(f"task {task} names no picture: {dict(fields)}")


def _names_pictures(value: Any) -> bool:
    return isinstance(value, list) and any(
        isinstance(one, str) and _path(one) is not None for one in value
    )


def _path(value: str) -> PurePosixPath | None:
    """Path of a picture in a field's value; None if it is not a picture's."""
    url = urlsplit(value)
    query = parse_qs(url.query)
    text = unquote(url.path)
    if "fileuri" in query:
        try:
            text = base64.b64decode(query["fileuri"][0], validate=False).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        text = unquote(urlsplit(text).path)
    text = query.get("d", [text])[0]
    path = PurePosixPath(text.replace("\\", "/"))
    return path if path.name.lower().endswith(SUFFIXES) else None


def find_picture(
    named: PurePosixPath, pictures: Iterable[Path], root: Path, task: int
) -> Path:
    """The picture file of a task, by name and, if several share it, by folders.

    Args:
        named: Path that the task names; an upload may have a prefix.
        pictures: All picture files.
        root: Their folder, for error messages.
        task: The task's id, for error messages.

    Raises:
        FileNotFoundError: There is no such picture, or several fit alike.
    """
    original = UPLOAD.sub("", named.name, count=1)
    found = [path for path in pictures if path.name == named.name]
    found = found or [path for path in pictures if path.name == original]
    common = {path: _common_folders(path, named) for path in found}
    best = [path for path in found if common[path] == max(common.values())]
    if len(best) != 1:
        what = f"is in {len(best)} folders of" if best else "is not in"
        raise FileNotFoundError(
            f"picture {original} of task {task} {what} {root}; images= names the folder"
        )
    return best[0]


def _common_folders(path: Path, named: PurePosixPath) -> int:
    count = 0
    pairs = zip(reversed(path.parts[:-1]), reversed(named.parts[:-1]), strict=False)
    for one, other in pairs:
        if one != other:
            break
        count += 1
    return count


def stem_with_time(path: Path, timestamp: TimestampFormat) -> str:
    """Stem of a picture, without the prefix of an upload if only then it is a time."""
    try:
        timestamp.parse(path.stem, path)
    except ValueError:
        return UPLOAD.sub("", path.stem, count=1)
    return path.stem
