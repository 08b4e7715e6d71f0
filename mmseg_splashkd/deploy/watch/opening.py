"""The source that a word of the command line means."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_splashkd.datasets.timestamps import timestamp_format
from mmseg_splashkd.deploy.watch.camera_source import CameraSource, is_camera
from mmseg_splashkd.deploy.watch.folder_source import FolderSource
from mmseg_splashkd.deploy.watch.source import Source
from mmseg_splashkd.deploy.watch.video_source import VideoSource


def open_source(
    source: str, start: str | None = None, timestamp: Mapping[str, Any] | None = None
) -> Source:
    """Open a video, a folder of pictures or a camera.

    Args:
        source: Path of a file or of a folder, or the address of a camera.
        start: Time of the first frame of a video, see ``VideoSource``.
        timestamp: Arguments of ``TimestampFormat``, for the names in a folder.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: PyAV is not installed.
        ValueError: It cannot be read, or an argument is of another kind of source.
    """
    path = Path(source)
    is_file = not is_camera(source) and not path.is_dir()
    if start is not None and not is_file:
        raise ValueError(
            f"--start has no effect: it is the time of the first frame of a video, and "
            f"{source} is {'a camera' if is_camera(source) else 'a folder'}"
        )
    if timestamp is not None and not path.is_dir():
        raise ValueError(
            f"--timestamp has no effect: it is the format of names in a folder, and "
            f"{source} is none"
        )
    if is_camera(source):
        return CameraSource(source)
    if path.is_dir():
        form = None if timestamp is None else timestamp_format(timestamp)
        return FolderSource(path, form)
    if not path.exists():
        raise FileNotFoundError(
            f"{source} does not exist: give a video, a folder of frames, or the "
            f"address of a camera, such as rtsp://host/stream"
        )
    return VideoSource(path, start)
