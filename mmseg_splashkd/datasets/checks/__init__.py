"""Data set check: findings about parts, files and duplicates before training."""

from mmseg_splashkd.datasets.checks.duplicates import Duplicates, Pair, find_duplicates
from mmseg_splashkd.datasets.checks.files import (
    FileFacts,
    FilesReport,
    check_files,
    class_pixels,
)
from mmseg_splashkd.datasets.checks.finding import (
    CODES,
    LEVELS,
    Finding,
    allow_codes,
    of_level,
)
from mmseg_splashkd.datasets.checks.parts import check_parts, mean_shares
from mmseg_splashkd.datasets.checks.tracks import Parts, frames_per_day, gaps, tracks

__all__ = [
    "CODES",
    "LEVELS",
    "Duplicates",
    "FileFacts",
    "FilesReport",
    "Finding",
    "Pair",
    "Parts",
    "allow_codes",
    "check_files",
    "check_parts",
    "class_pixels",
    "find_duplicates",
    "frames_per_day",
    "gaps",
    "mean_shares",
    "of_level",
    "tracks",
]
