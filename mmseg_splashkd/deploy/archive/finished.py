"""What came of a source that is finished, so that a second call skips it."""

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.datasets.listing import list_pictures
from mmseg_splashkd.deploy.archive.listing import Listed
from mmseg_splashkd.deploy.predict.sources import SUFFIXES
from mmseg_splashkd.deploy.watch import rows
from mmseg_splashkd.deploy.watch.camera_source import is_camera
from mmseg_splashkd.deploy.watch.command import Asked, watch
from mmseg_splashkd.deploy.watch.smoother import smoothing_asked
from mmseg_splashkd.deploy.watch.video_source import hash_of_head
from mmseg_splashkd.files import file_sha256, write_whole
from mmseg_splashkd.foreign import read_json

STATE = ".archive"  # folder of the archive that holds what is no result
# They change neither rows nor events.
NOT_ASKED = ("out", "threads")


@dataclass(frozen=True)
class Finished:
    """What came of a source.

    Attributes:
        asked: Hash of what was asked, and of what the source was.
        frames: Number of rows.
        dropped: Number of frames that were dropped.
        events: Number of events.
        seconds: Time that the last call took.
    """

    asked: str
    frames: int
    dropped: int
    events: int
    seconds: float


def finish(listed: Listed) -> Finished:
    """Watch a source to its end, and note what came of it.

    Args:
        listed: The source.

    Raises:
        Exception: As ``watch``.
    """
    began, asked = time.perf_counter(), _hash_of(listed.asked)
    came = watch(listed.asked)
    seconds = round(time.perf_counter() - began, 3)
    found = Finished(asked or "", came.frames, came.dropped, came.events, seconds)
    if asked is not None:
        text = json.dumps(asdict(found), indent=1) + "\n"
        write_whole(state_file(listed, ".json"), text)
    return found


def read_finished(listed: Listed) -> Finished | None:
    """What came of a source, if the same was asked of the same source before.

    Args:
        listed: The source.

    Returns:
        None if it is not finished, has changed, or is a camera, which has no end.
    """
    file = state_file(listed, ".json")
    if not (file.is_file() and (Path(listed.asked.out) / rows.FILE).is_file()):
        return None
    values = read_json(file, "what came of a source")
    try:
        found = Finished(**values)
    except TypeError as error:
        raise ValueError(f"{file} is damaged: remove it ({error})") from error
    return found if found.asked == _hash_of(listed.asked) else None


def state_file(listed: Listed, suffix: str) -> Path:
    """A file of the archive beside the results of a source.

    Args:
        listed: The source.
        suffix: Such as ``'.json'``.
    """
    return Path(listed.asked.out).parent / STATE / f"{listed.name}{suffix}"


def _hash_of(asked: Asked) -> str | None:
    """Hash of what is asked, and of what tells that the source has changed."""
    if is_camera(asked.source):
        return None
    try:
        source, model = _state_of(Path(asked.source)), _model(asked.model)
        errors = asked.errors and file_sha256(Path(asked.errors))
    except OSError:
        return None  # watching it says why
    read = {"source": source, "model": model, "errors": errors}
    values: dict[str, Any] = {**asdict(asked), **read}
    kept = {name: value for name, value in values.items() if name not in NOT_ASKED}
    smooth = kept.pop("smooth")
    if smooth is not None:  # as in archives of versions without it
        kept |= smoothing_asked(smooth)
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _state_of(path: Path) -> list[str]:
    """Of a video its size and first MiB, of a folder the names of its pictures."""
    if not path.is_dir():
        return [str(path.stat().st_size), hash_of_head(path)]
    names = hashlib.sha256()
    for each in list_pictures(path, SUFFIXES)[0]:
        names.update(f"{each}\0".encode(errors="surrogateescape"))
    return [str(path.resolve()), names.hexdigest()]


@lru_cache(maxsize=4)
def _model(path: str) -> str:
    return file_sha256(find_checkpoint(path, "model"))
