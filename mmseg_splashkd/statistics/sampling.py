"""What was resampled, in words, with what that leaves out."""

from mmseg_splashkd.statistics.blocks import FEWEST, Blocks, Unit

# Unit -> what a table counts, one and several; single frames are counted already.
NOUNS: dict[Unit, tuple[str, str]] = {
    "time": ("block", "blocks"),
    "order": ("block", "blocks"),
    "frame": ("frame", "frames"),
    "recording": ("recording", "recordings"),
}
NO_TIME = "{which} have no time stamps, so blocks in time do not apply"
ALIKE = (
    "Near-identical photos, such as several of one scene, make these intervals too "
    "narrow"
)


def counted_blocks(count: int, unit: Unit) -> str:
    """``8 blocks``, ``1 recording``."""
    return f"{count} {NOUNS[unit][count != 1]}"


def sampling_in_words(blocks: Blocks, recordings: int, timed: bool) -> str:
    """How frames were resampled, and what the intervals do not account for.

    Args:
        blocks: Blocks of the frames.
        recordings: Number of recordings of the frames.
        timed: Whether some of the frames have a time stamp.
    """
    if blocks.unit == "time":
        return f"Blocks of {blocks.length} in time, the same for all arms."
    without = NO_TIME.format(which="Some frames" if timed else "The frames")
    if blocks.unit == "order":
        return (
            f"{without}: blocks of {blocks.length} in the order of the data set, the "
            f"same for all arms."
        )
    if blocks.unit == "recording":
        return (
            f"{without}: whole recordings (folders) were resampled, {len(blocks)} of "
            f"them, the same for all arms."
        )
    sentence = (
        f"{without}: frames were resampled as independent, the same for all arms. "
        f"{ALIKE}"
    )
    if recordings > 1:
        return (
            f"{sentence}, and no interval covers another recording: {recordings} "
            f"recordings are too few to resample whole ({FEWEST} are needed)."
        )
    return f"{sentence}: put those into one folder each, {FEWEST} folders or more."
