"""Frames in two parts of a config, for data sets of any class."""

from collections.abc import Iterator
from itertools import combinations

from mmengine.config import Config

from mmseg_splashkd.config.frames import frame_paths, real_path
from mmseg_splashkd.datasets.checks import Finding
from mmseg_splashkd.datasets.checks.finding import counted


def shared_files(cfg: Config) -> Iterator[Finding]:
    """Errors for files that are read by two parts, compared by their real paths.

    Frames that a ``TimeSplitDataset`` reads in both parts are left to ``check_parts``,
    which compares their recordings and times too.
    """
    parts = {part: files for part, files in frame_paths(cfg).items() if files}
    for first, second in combinations(parts, 2):
        read = {real_path(file.image): file for file in parts[first]}
        shared = tuple(
            file.image
            for file in parts[second]
            if (other := read.get(real_path(file.image)))
            and (file.is_named_by_path or other.is_named_by_path)
        )
        if shared:
            text = f"{counted(len(shared), 'frame')} in both {first} and {second}"
            yield Finding("error", "shared_frame", text, shared)
