"""Frames worth showing, chosen by the counts of arms."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.formatting import moment
from mmseg_splashkd.statistics import FoldSeed
from mmseg_splashkd.statistics.arms import common_runs, frame_keys

EACH_WAY = 3  # frames on which one arm is better, and as many for the other
APART = 3  # frames: neighbours show the same event


@dataclass(frozen=True)
class FrameOfArms:
    """A frame with the counts of several arms.

    Args:
        runs: Fold and seed of the run of each arm.
        image: Path of the frame.
        recording: Name of its recording.
        timestamp: UNIX time in nanoseconds, or -1.
        wrong: Wrong pixels of each arm.
        area: Labelled pixels of the focus class.
        false_alarms: Pixels that each arm wrongly predicts as the focus class.
        dice: Dice of the focus class of each arm in percent; NaN where it is in neither
            truth nor prediction.
    """

    runs: tuple[FoldSeed, ...]
    image: str
    recording: str
    timestamp: int
    wrong: tuple[int, ...]
    area: int
    false_alarms: tuple[int, ...]
    dice: tuple[float, ...]

    @property
    def gain(self) -> int:
        """Number of wrong pixels of the first arm minus that of the second."""
        return self.wrong[0] - self.wrong[1]

    @property
    def place(self) -> str:
        """Recording and time as text; the file name where there is no time."""
        if self.timestamp >= 0:
            return moment(self.recording, self.timestamp)
        name = Path(self.image).name
        return name if self.recording == "." else f"{self.recording}, {name}"


def frames_of(arms: Sequence[ArmRuns]) -> list[FrameOfArms]:
    """Frames that all arms were tested on, by their runs with the lowest seed.

    Args:
        arms: One arm or more.

    Returns:
        Sorted by recording and time.

    Raises:
        ValueError: The arms have no fold and seed in common.
    """
    common = common_runs([arm.arm for arm in arms])
    single = all(len(arm.runs) == 1 for arm in arms)
    frames: list[FrameOfArms] = []
    for identity in common:
        if identity.seed == common[0].seed:
            runs = [next(iter(arm.runs)) if single else identity for arm in arms]
            frames += _of_runs(arms, runs)
    return sorted(frames, key=lambda each: (each.recording, each.timestamp, each.image))


def _of_runs(arms: Sequence[ArmRuns], runs: Sequence[FoldSeed]) -> list[FrameOfArms]:
    scores = [arm.arm.runs[run] for arm, run in zip(arms, runs, strict=True)]
    first, focus = scores[0], scores[0].focus_index
    rows = [dict(zip(frame_keys(each), each.confusion, strict=True)) for each in scores]
    frames = []
    for index, key in enumerate(rows[0]):
        counts = np.stack([row[key] for row in rows])  # (A, C, C)
        hits = counts[:, focus, focus]
        predicted, labelled = counts[:, :, focus].sum(1), counts[:, focus].sum(1)
        with np.errstate(invalid="ignore"):
            dice = 200 * hits / (predicted + labelled)
        wrong = counts.sum((1, 2)) - np.trace(counts, axis1=1, axis2=2)
        frames.append(
            FrameOfArms(
                runs=tuple(runs),
                image=first.frames[index],
                recording=first.recordings[index],
                timestamp=int(first.timestamps[index]),
                wrong=tuple(wrong.tolist()),
                area=int(labelled[0]),
                false_alarms=tuple((predicted - hits).tolist()),
                dice=tuple(dice.tolist()),
            )
        )
    return frames


def typical_frames(
    frames: Sequence[FrameOfArms], focus: str
) -> list[tuple[str, FrameOfArms]]:
    """Choose up to four frames that show what the figures mean.

    The frame with the largest area of the focus class; another one at the onset of a
    burst (where the area more than doubles, by the most pixels); the frame without the
    class that has the most false alarms; and the one with the lowest mean Dice. Without
    time there are no bursts.

    Args:
        frames: Frames with the counts of all arms, from ``frames_of``.
        focus: Name of the focus class.

    Returns:
        Reasons and frame; one frame may have several reasons.
    """
    area = [frame.area for frame in frames]
    timed = all(frame.timestamp >= 0 for frame in frames)
    scores = {  # the highest is chosen if it is above zero
        f"Most {focus}": area,
        f"Onset of {focus}": [
            current - previous if timed and 2 * previous < current < max(area) else 0
            for previous, current in pairwise(area[:1] + area)
        ],
        f"No {focus}, most false alarms": [
            0 if frame.area else 1 + sum(frame.false_alarms) for frame in frames
        ],
        "Lowest Dice": [
            101 - float(np.mean(frame.dice)) if frame.area else 0 for frame in frames
        ],
    }
    chosen: dict[int, list[str]] = {}
    for reason, score in scores.items():
        # Of equal scores the frame with the larger area shows more.
        best = max(range(len(frames)), key=lambda i: (score[i], area[i]))
        if score[best] > 0:
            chosen.setdefault(best, []).append(reason)
    return [(" · ".join(reasons), frames[i]) for i, reasons in chosen.items()]


def disagreements(frames: Sequence[FrameOfArms]) -> list[FrameOfArms]:
    """Choose frames by the difference in wrong pixels between the first two arms.

    Args:
        frames: Frames with the counts of all arms, from ``frames_of``.

    Returns:
        Up to three where the second arm is better, the largest gain first; then up to
        three where the first is.
    """
    better = _apart(frames, [-each.gain for each in frames])
    worse = _apart(frames, [each.gain for each in frames])
    return [*better, *worse]


def _apart(frames: Sequence[FrameOfArms], order: Sequence[int]) -> list[FrameOfArms]:
    """The first few by negative values of an order, without neighbours."""
    chosen: list[int] = []
    for index in sorted(range(len(frames)), key=lambda index: order[index]):
        if order[index] >= 0 or len(chosen) == EACH_WAY:
            break
        if all(abs(index - other) >= APART for other in chosen):
            chosen.append(index)
    return [frames[index] for index in chosen]
