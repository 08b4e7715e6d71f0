"""Files named after frames: ``<recording>/<stem>``."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

# Not allowed in names on Windows.
RESERVED = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$|^\.\.$')
DEVICES = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?$", re.IGNORECASE)


def frame_name(recording: str, frame: str) -> str:
    """Name of a frame, unique in a data set: ``<recording>/<stem>``.

    Args:
        recording: Name of its recording, with ``/`` between folders; ``'.'`` is the
            image folder itself.
        frame: Path of the frame.

    Returns:
        A relative path without suffix that is a valid name on all systems.
    """
    folders = [part for part in re.split(r"[/\\]", recording) if part not in ("", ".")]
    return "/".join(map(_safe, [*folders, PurePath(frame).stem]))


def _safe(part: str) -> str:
    part = RESERVED.sub("_", part)
    return f"_{part}" if DEVICES.match(part) else part


def frame_names(dataset: Any) -> dict[str, str]:
    """Names of the frames of a data set.

    Frames without a recording, as in data sets of MMSegmentation, are named by their
    path below the image folder.

    Args:
        dataset: A built data set, also a wrapper of others.

    Returns:
        Path of each frame -> its name.

    Raises:
        ValueError: Two frames have the same name.
    """
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    recordings = recordings_of(dataset, infos)
    names: dict[str, str] = {}
    frames: dict[str, str] = {}
    for info, recording in zip(infos, recordings, strict=True):
        path = info["img_path"]
        names[path] = frame_name(recording, path)
        other = frames.setdefault(names[path], path)
        if other != path:
            raise ValueError(
                f"{path} and {other} would both be written to {names[path]}.png: "
                f"rename one, or put it into another recording (folder)"
            )
    return names


def recordings_of(dataset: Any, infos: list[dict[str, Any]]) -> list[str]:
    """Recording of each frame: its own, else its folder below the image folder.

    Args:
        dataset: A built data set, also a wrapper of others.
        infos: ``get_data_info`` of its frames.
    """
    folders = [os.path.abspath(folder) for folder in _image_folders(dataset)]  # noqa: PTH100
    root = Path(os.path.commonpath(folders)) if folders else None
    return [info.get("recording") or _folder(info["img_path"], root) for info in infos]


def _folder(frame: str, root: Path | None) -> str:
    folder = Path(os.path.abspath(frame)).parent  # noqa: PTH100 - links keep their names
    if root is None or not folder.is_relative_to(root):
        return "."
    return folder.relative_to(root).as_posix()


def _image_folders(dataset: Any) -> Iterator[str]:
    """Image folders of the data sets that wrappers hold."""
    inner = getattr(dataset, "datasets", None) or getattr(dataset, "dataset", None)
    if inner is not None:
        for each in inner if isinstance(inner, list | tuple) else [inner]:
            yield from _image_folders(each)
        return
    prefix = getattr(dataset, "data_prefix", None) or {}
    folder = prefix.get("img_path") or getattr(dataset, "data_root", None)
    if folder:
        yield folder


class FrameFiles:
    """One PNG path per frame in a folder.

    Args:
        folder: Folder of the files; created if missing.
        names: Path of each frame -> its name, from ``frame_names``; by default a frame
            is named by its stem.
    """

    def __init__(
        self, folder: str | Path, names: Mapping[str, str] | None = None
    ) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.names = names or {}
        self._frames: dict[str, str] = {}

    def path_of(self, frame: str) -> Path:
        """Path of the file of the frame at path ``frame``: ``<folder>/<name>.png``.

        Raises:
            ValueError: Another frame has the same name.
        """
        name = self.names.get(frame) or frame_name(".", frame)
        if self._frames.setdefault(name, frame) != frame:
            raise ValueError(
                f"{frame} and {self._frames[name]} would both be written to "
                f"{name}.png: rename one, or put it into another recording (folder)"
            )
        return self.folder / f"{name}.png"
