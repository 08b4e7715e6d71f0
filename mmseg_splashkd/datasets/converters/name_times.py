"""Times of pictures from their names: a format that is given, or one that all have."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from mmseg_splashkd.datasets.timestamps import TimestampFormat

# Formats that names tell without doubt: 'seconds' of ten digits, no frame numbers.
CERTAIN = {
    "seconds-nanoseconds": r"\d{10}-\d{9}",
    "seconds": r"\d{10}(\.\d{1,9})?",
    "iso8601": r"\d{4}-?\d\d-?\d\d[T_ ]\d\d[-:]?\d\d[-:]?\d\d.*",
}
# A time within a longer name: a date and a time of day, or UNIX (milli)seconds.
WITHIN = re.compile(
    r"(?<!\d)(19|20)\d\d[-_]?(0[1-9]|1[0-2])[-_]?([0-2]\d|3[01])[-_T ]"
    r"([01]\d|2[0-3])[-_:h]?[0-5]\d|(?<!\d)1\d{9}(\d{3})?(?!\d)"
)


def format_of_names(names: Iterable[str]) -> TimestampFormat | None:
    """The format in which all names are times; None if there is none.

    Args:
        names: Paths of pictures, with slashes.
    """
    stems = [PurePosixPath(name).stem for name in names]
    for name, pattern in CERTAIN.items():
        if stems and all(re.fullmatch(pattern, stem, re.ASCII) for stem in stems):
            form = TimestampFormat(name)
            if all(_is_time(stem, form) for stem in stems):
                return form
    return None


def commonest_format(names: Iterable[str]) -> TimestampFormat | None:
    """The format in which most names are times; None if none is one.

    Args:
        names: Paths of pictures, with slashes; taken once, and not kept.
    """
    found: Counter[str] = Counter()
    for name in names:
        stem = PurePosixPath(name).stem
        for form, pattern in CERTAIN.items():
            if re.fullmatch(pattern, stem, re.ASCII):
                found[form] += _is_time(stem, TimestampFormat(form))
    best = max(found, key=found.__getitem__, default=None)
    return TimestampFormat(best) if best and found[best] else None


def first_with_time(names: Iterable[str]) -> str | None:
    """The first name that seems to contain a time; None if none does.

    Args:
        names: Paths of pictures, with slashes.
    """
    return next((n for n in names if WITHIN.search(PurePosixPath(n).stem)), None)


def _is_time(stem: str, form: TimestampFormat) -> bool:
    try:
        form.parse(stem, stem)
    except ValueError:
        return False
    return True
