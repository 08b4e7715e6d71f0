"""Known frames from the scores of a test or of a validation."""

import numpy as np

from mmseg_splashkd.evaluation.bursts import has_time
from mmseg_splashkd.evaluation.frame_scores import BINS, FrameScores
from mmseg_splashkd.statistics.blocks import BlockLength
from mmseg_splashkd.statistics.event_blocks import event_blocks
from mmseg_splashkd.statistics.event_errors.from_frames import KnownFrames

CENTRES = (np.arange(BINS) + 0.5) / BINS


def known_frames(scores: FrameScores, block: BlockLength | None = None) -> KnownFrames:
    """Predicted and true shares, confidence and blocks of the frames with labels.

    Args:
        scores: Scores of frames with times, and with histograms of probabilities.
        block: Length of a block; by default as of ``event_blocks``.

    Raises:
        ValueError: A frame has no time, or the model gave no probabilities.
    """
    if not has_time(scores):
        raise ValueError(
            "scores lack frame times, which events need, or repeat one within a "
            "recording: test a TimeSplitDataset"
        )
    if scores.histogram is None:
        raise ValueError(
            "scores lack histograms of probabilities, which the confidence of events "
            "needs: test a model with probabilities"
        )
    shown = np.flatnonzero(scores.confusion.sum((1, 2)))
    if not len(shown):
        raise ValueError("no frame of the scores has a label: test labelled frames")
    focus, confusion = scores.focus_index, scores.confusion[shown]
    valid = confusion.sum((1, 2))
    predicted = confusion[:, :, focus].sum(1)
    names = [scores.recordings[index] for index in shown]
    times = scores.timestamps[shown]
    return KnownFrames(
        names,
        times,
        predicted / valid,
        confidence_of(scores.histogram[shown].sum(1), predicted),
        confusion[:, focus].sum(1) / valid,
        event_blocks(names, times, block).index,
    )


def confidence_of(histogram: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Mean probability of the pixels with the highest one, to half a bin.

    Args:
        histogram: (N, 256) pixels of each frame by probability.
        pixels: (N,) number of predicted pixels, which are those with the highest
            probability.

    Returns:
        (N,) in [0, 1]; NaN where ``pixels`` is 0.
    """
    falling = histogram[:, ::-1]
    before = falling.cumsum(1) - falling
    taken = (pixels[:, None] - before).clip(0, falling)
    sums = taken @ CENTRES[::-1]
    return np.divide(sums, pixels, out=np.full(len(pixels), np.nan), where=pixels > 0)
