"""Time stamps in file names: formats, and exact parsing to nanoseconds."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from typing import Any, NamedTuple

SECOND = 10**9  # nanoseconds
LAST = 10**10 * SECOND  # ten digits of seconds: the year 2286
NO_TIME = -1  # time stamp of a frame whose time is unknown, such as a photo


class Stamp(NamedTuple):
    """Time stamp and recording parsed from a file's stem."""

    timestamp: int  # UNIX time in nanoseconds, or NO_TIME
    recording: str | None  # None if the format has no group for it


@dataclass(frozen=True)
class TimestampFormat:
    """Format of the time stamps in the file stems of a data set.

    Args:
        name: ``'seconds-nanoseconds'`` (1714521600-000000005), ``'seconds'``
            (1714521600 or 1714521600.25), ``'iso8601'`` (20240501T080000.25Z, also with
            dashes or colons between; without a zone it is UTC), ``'frame'`` (a frame
            number), ``'day-hour-minute'`` (D252-H10-M00, day of the year, UTC;
            seconds may follow as -S05) or ``'none'`` (names tell no time, as with
            photos: any stem).
        stem: Regular expression of the whole stem, if it contains more than the time
            stamp. Its group ``stamp`` is the time stamp, its optional group
            ``recording`` the recording. Example:
            ``(?P<recording>.+)_f?(?P<stamp>[0-9]+)``. Default: the stem is the stamp.
            ``'none'`` takes a group ``recording`` instead of ``stamp``.
        fps: Frames per second above 0, a number or a fraction such as
            ``'30000/1001'``; required by ``'frame'``, refused by other formats.
        start: UNIX time of frame 0 in seconds, for ``'frame'`` only; default 0.
        year: Calendar year; required by ``'day-hour-minute'``, refused by other
            formats.

    Raises:
        ValueError: The name is unknown, or an argument is missing, invalid or unused.
    """

    name: str = "seconds-nanoseconds"
    stem: str | None = None
    fps: float | str | None = None
    start: int = 0
    year: int | None = None

    def __post_init__(self) -> None:
        if self.name not in FORMATS:
            raise ValueError(
                f"timestamp name={self.name!r} is not one of {sorted(FORMATS)}"
            )
        for argument, owner in (("fps", "frame"), ("year", "day-hour-minute")):
            given = getattr(self, argument) is not None
            if given != (self.name == owner):
                need = "takes no" if given else "needs"
                raise ValueError(f"timestamp name={self.name!r} {need} {argument}")
        if self.name == "frame":
            _frame_rate(self.fps)
        elif self.start:
            raise ValueError(f"timestamp name={self.name!r} takes no start")
        needed, refused = "stamp", None
        if self.name == NONE:
            needed, refused = "recording", "stamp"
        groups = {} if self.stem is None else _compile(self.stem).groupindex
        if self.stem is not None and needed not in groups:
            raise ValueError(
                f"timestamp stem={self.stem!r} has no group (?P<{needed}>...)"
            )
        if refused in groups:
            raise ValueError(
                f"timestamp name={NONE!r} reads no time: stem={self.stem!r} takes no "
                f"group (?P<stamp>...); name a format for it"
            )

    def parse(self, stem: str, source: object) -> Stamp:
        """Parse a file's stem.

        Args:
            stem: File name without its suffix.
            source: Path of the file for error messages.

        Raises:
            ValueError: The stem has another form, or is not a valid time.
        """
        stamp, recording = stem, None
        if self.stem is not None:
            groups = _compile(self.stem).fullmatch(stem)
            if groups is None:
                raise ValueError(f"{source}: {stem!r} does not match {self.stem!r}")
            named = groups.groupdict()
            stamp, recording = named.get("stamp", stem), named.get("recording")
        if self.name == NONE:
            return Stamp(NO_TIME, recording)
        form = FORMATS[self.name]
        match = form.pattern.fullmatch(stamp)
        if match is None:
            raise ValueError(
                f"{source}: {stamp!r} is not a time stamp; expected {form.example}. "
                f"For another format set timestamp: {', '.join(FORMATS)} (no time)"
            )
        try:
            timestamp = form.read(match, self)
        except ValueError as error:
            raise ValueError(
                f"{source}: {stamp!r} is not a valid time: {error}"
            ) from error
        if not 0 <= timestamp < LAST:
            raise ValueError(f"{source}: {stamp!r} lies outside the years 1970 to 2286")
        return Stamp(timestamp, recording)


class Form(NamedTuple):
    """Pattern, example and parser of one time stamp format."""

    pattern: re.Pattern
    example: str
    read: Callable[[re.Match, TimestampFormat], int]


def timestamp_format(
    spec: str | Mapping[str, Any] | TimestampFormat,
) -> TimestampFormat:
    """Build a time stamp format from a config value.

    Args:
        spec: Name of the format, or the arguments of ``TimestampFormat``.

    Raises:
        ValueError: ``spec`` has unknown or invalid arguments.
    """
    if isinstance(spec, TimestampFormat):
        return spec
    if isinstance(spec, str):
        return TimestampFormat(spec)
    try:
        return TimestampFormat(**spec)
    except TypeError as error:
        raise ValueError(f"timestamp={dict(spec)}: {error}") from error


def parse_timestamp(stamp: str, source: object) -> int:
    """Parse a time stamp of a split table.

    Args:
        stamp: ``<10-digit seconds>-<9-digit nanoseconds>``, or decimal seconds; empty
            for a frame without time.
        source: File and line for error messages.

    Returns:
        UNIX time in nanoseconds, or ``NO_TIME``.

    Raises:
        ValueError: ``stamp`` has another form.
    """
    if not stamp:
        return NO_TIME
    name = "seconds-nanoseconds" if "-" in stamp else "seconds"
    try:
        return TABLE_FORMATS[name].parse(stamp, source).timestamp
    except ValueError as error:
        raise ValueError(
            f"{source}: {stamp!r} is not a time stamp; expected <10-digit seconds>-"
            f"<9-digit nanoseconds>, such as 1714521600-000000000"
        ) from error


def format_timestamp(timestamp: int) -> str:
    """Format nanoseconds as ``<10-digit seconds>-<9-digit nanoseconds>``.

    ``NO_TIME`` is formatted as an empty string.
    """
    if timestamp == NO_TIME:
        return ""
    seconds, nanoseconds = divmod(timestamp, SECOND)
    return f"{seconds:010d}-{nanoseconds:09d}"


def to_utc(timestamp: int) -> datetime:
    """UTC date and time of UNIX nanoseconds, truncated to microseconds.

    Raises:
        ValueError: ``timestamp`` is ``NO_TIME``.
    """
    if timestamp == NO_TIME:
        raise ValueError("a frame without time has no date")
    return EPOCH + timedelta(microseconds=timestamp // 1000)


def _compile(pattern: str) -> re.Pattern:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"timestamp stem={pattern!r}: {error}") from error


def _frame_rate(fps: float | str | None) -> Fraction:
    try:
        rate = Fraction(str(fps))
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"timestamp fps={fps!r} is not a number") from error
    if rate <= 0:
        raise ValueError(f"timestamp fps={fps!r} must be above 0")
    return rate


def _read_seconds(match: re.Match, _: TimestampFormat) -> int:
    return int(match["s"]) * SECOND + int((match["ns"] or "").ljust(9, "0"))


def _read_iso8601(match: re.Match, _: TimestampFormat) -> int:
    parts = [int(match[part]) for part in ("Y", "M", "D", "h", "m", "s")]
    moment = datetime(*parts, tzinfo=timezone.utc)  # pyright: ignore[reportArgumentType]
    if (zone := match["zone"]) and zone != "Z":
        minutes = int(zone[1:3]) * 60 + int(zone[-2:])
        moment -= timedelta(minutes=minutes if zone[0] == "+" else -minutes)
    fraction = int((match["ns"] or "").ljust(9, "0"))
    return (moment - EPOCH) // timedelta(seconds=1) * SECOND + fraction


def _read_frame(match: re.Match, form: TimestampFormat) -> int:
    elapsed = int(match[0]) * SECOND / _frame_rate(form.fps)
    return form.start * SECOND + round(elapsed)


def _read_day(match: re.Match, form: TimestampFormat) -> int:
    text = f"{form.year} {match['D']} {match['h']} {match['m']} {match['s'] or '00'}"
    moment = datetime.strptime(f"{text} +0000", "%Y %j %H %M %S %z")
    if moment.year != form.year:  # strptime maps day 366 to the next year
        raise ValueError(f"{form.year} has no day {match['D']}")
    return (moment - EPOCH) // timedelta(seconds=1) * SECOND


def _digits(pattern: str) -> re.Pattern:
    return re.compile(pattern, re.ASCII)  # \d matches 0 to 9 only


NONE = "none"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FORMATS = {
    "seconds-nanoseconds": Form(
        _digits(r"(?P<s>\d{10})-(?P<ns>\d{9})"),
        "<10-digit seconds>-<9-digit nanoseconds>, such as 1714521600-000000000",
        _read_seconds,
    ),
    "seconds": Form(
        _digits(r"(?P<s>\d{1,10})(?:\.(?P<ns>\d{1,9}))?"),
        "UNIX seconds, such as 1714521600 or 1714521600.25",
        _read_seconds,
    ),
    "iso8601": Form(
        _digits(
            r"(?P<Y>\d{4})-?(?P<M>\d\d)-?(?P<D>\d\d)[T_ ]"
            r"(?P<h>\d\d)[-:]?(?P<m>\d\d)[-:]?(?P<s>\d\d)(?:[.,](?P<ns>\d{1,9}))?(?P<zone>Z|[+-]\d\d:?\d\d)?"
        ),
        "a date and time of ISO 8601, such as 20240501T080000Z",
        _read_iso8601,
    ),
    "frame": Form(_digits(r"\d+"), "a frame number, such as 000123", _read_frame),
    "day-hour-minute": Form(
        _digits(r"D(?P<D>\d{3})-H(?P<h>\d\d)-M(?P<m>\d\d)(?:-S(?P<s>\d\d))?"),
        "day of the year, hour and minute, such as D252-H10-M00",
        _read_day,
    ),
    NONE: Form(_digits(r"(?s:.*)"), "any name", lambda *_: NO_TIME),
}
TABLE_FORMATS = {
    name: TimestampFormat(name) for name in ("seconds-nanoseconds", "seconds")
}
