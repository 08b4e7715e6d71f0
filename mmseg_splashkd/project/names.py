"""Time stamps in the names of pictures: which of the known formats reads them all."""

from collections.abc import Sequence

from mmseg_splashkd.datasets.pairs import Pair
from mmseg_splashkd.datasets.timestamps import SECOND, TimestampFormat

# Those that no other name fits by chance. A bare number is a time only after 2000.
FORMATS = ("seconds-nanoseconds", "iso8601", "seconds")
YEAR_2000 = 946_684_800 * SECOND


def find_format(pairs: Sequence[Pair]) -> str | None:
    """Name of the format that reads the names of all pictures; None if there is none.

    Formats that need more than the names (``frame``, ``day-hour-minute``) and names
    that hold more than a time stamp are not tried.
    """
    for name in FORMATS:
        form = TimestampFormat(name)
        try:
            times = [
                form.parse(pair.image.stem, pair.image).timestamp for pair in pairs
            ]
        except ValueError:
            continue
        moments = zip((pair.recording for pair in pairs), times, strict=True)
        if min(times) >= YEAR_2000 and len(set(moments)) == len(times):
            return name
    return None
