"""Picture of a split: a time line with a lane per recording and fold.

Frames without time are drawn side by side, in the order of their names.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.split_table import EMBARGO, SPLITS
from mmseg_splashkd.datasets.splits.summary import folds_of
from mmseg_splashkd.datasets.timestamps import SECOND, to_utc
from mmseg_splashkd.files import whole_file
from mmseg_splashkd.report.figures import time_labels

# Distinguished by hue and by lightness, also for colour-blind readers.
COLORS = {"train": "#56b4e9", "val": "#e69f00", "test": "#1b2a41", EMBARGO: "#b9bec5"}
INK = "#22303c"
WIDTH, DPI = 9.0, 100  # inches, pixels per inch
BAND = 0.34  # of the height of a lane; the rest shows the share of the class
PAUSE = 0.04  # of the time line: longest pause that is drawn to scale
TICKS = 6

STYLE: dict[Any, Any] = {
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.edgecolor": INK,
}
Lane = tuple[str, list[int], list[str]]  # label, indices of frames, their parts


def draw_split(
    frames: Sequence[Frame], out: str | Path, class_name: str | None = None
) -> Path:
    """Draw the part of each frame and its share of the focus class.

    The band of a lane shows the parts, the spikes above it the share of the class. Long
    pauses between frames are shortened.

    Args:
        frames: Frames with their parts, in any order.
        out: The PNG file, 900 pixels wide.
        class_name: Name of the focus class, for the legend.

    Returns:
        ``out``.

    Raises:
        ValueError: No frame has a part.
    """
    ordered = [frame for frame in in_time_order(frames) if frame.split]
    if not ordered:
        raise ValueError("no frame has a part: split the frames first")
    lanes = _lanes(ordered)
    with mpl.rc_context(STYLE):
        height = 1.1 + len(lanes) * (0.55 if len(lanes) < 12 else 0.34)
        figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        at = _positions(ordered)
        _draw_lanes(axes, ordered, at, lanes)
        _draw_time(axes, ordered, at)
        _draw_legend(figure, ordered, lanes, class_name or "the focus class")
        with whole_file(out) as partial:
            figure.savefig(partial, format="png", metadata={"Software": None})
    return Path(out)


def _timed(frames: Sequence[Frame]) -> bool:
    return all(frame.timestamp >= 0 for frame in frames)


def _lanes(ordered: Sequence[Frame]) -> list[Lane]:
    recordings = sorted({frame.recording for frame in ordered})
    lanes = []
    for fold in folds_of(ordered) or [None]:
        for recording in recordings:
            own = [i for i, f in enumerate(ordered) if f.recording == recording]
            names = [] if fold is None else [f"fold {fold}"]
            names += [recording] if len(recordings) > 1 else []
            parts = [_part(ordered[i], fold) for i in own]
            lanes.append((", ".join(names), own, parts))
    return lanes


def _part(frame: Frame, fold: int | None) -> str:
    if fold is None or frame.fold is None:
        return frame.split
    if frame.fold == fold:
        return "val"
    return EMBARGO if fold in frame.embargo else "train"


def _positions(ordered: Sequence[Frame]) -> np.ndarray:
    """Positions of N frames on the time line: (N,) seconds without long pauses.

    Without time, the number of each frame in its recording.
    """
    if not _timed(ordered):
        number: Counter[str] = Counter()
        places = []
        for frame in ordered:
            places.append(float(number[frame.recording]))
            number[frame.recording] += 1
        return np.array(places)
    start = ordered[0].timestamp
    seconds = np.array([(f.timestamp - start) / SECOND for f in ordered])
    gaps = np.diff(seconds)
    if not gaps.any():
        return seconds
    usual = gaps[gaps <= 20 * np.median(gaps[gaps > 0])]
    longest = max(PAUSE * usual.sum(), usual.max())
    return np.concatenate([[0.0], np.minimum(gaps, longest).cumsum()])


def _draw_lanes(
    axes: Axes, ordered: Sequence[Frame], at: np.ndarray, lanes: Sequence[Lane]
) -> None:
    largest = max((frame.splash_share or 0 for frame in ordered), default=0) or 1
    points = 72 * WIDTH * 0.85  # of the axes
    for row, (_, own, parts) in enumerate(lanes):
        base = len(lanes) - 1 - row
        x = at[own]
        spacing = np.median(np.diff(x)) if len(x) > 1 else 0.0
        width = max(0.8, spacing / max(at.max(), 1e-9) * points + 0.3)
        shares = [(ordered[i].splash_share or 0) / largest for i in own]
        top = base + BAND + np.array(shares) * (0.9 - BAND)
        colors = [COLORS[part] for part in parts]
        flat = {"antialiaseds": False, "capstyle": "butt"}
        axes.vlines(x, base, base + BAND, colors, linewidth=width, **flat)
        axes.vlines(x, base + BAND, top, colors, linewidth=max(0.8, width / 2), **flat)
    axes.set_ylim(-0.1, len(lanes))
    ticks = [len(lanes) - 1 - row + BAND / 2 for row in range(len(lanes))]
    axes.set_yticks(ticks, [label for label, *_ in lanes])
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _draw_time(axes: Axes, ordered: Sequence[Frame], at: np.ndarray) -> None:
    if not _timed(ordered):
        axes.xaxis.set_major_locator(MaxNLocator(TICKS, integer=True))
        axes.set_xlabel("frames without time, in the order of their names")
        return
    targets = np.linspace(0, at.max(), TICKS)
    chosen = sorted({int(np.abs(at - target).argmin()) for target in targets})
    times = [to_utc(ordered[i].timestamp) for i in chosen]
    axes.set_xticks(at[chosen], time_labels(times))
    axes.set_xlabel(f"UTC, from {times[0]:%Y-%m-%d}")


def _draw_legend(
    figure: Figure, ordered: Sequence[Frame], lanes: Sequence[Lane], class_name: str
) -> None:
    present = {part for *_, parts in lanes for part in parts}
    counts = {part: sum(f.split == part for f in ordered) for part in present}
    folded = bool(folds_of(ordered))
    handles = [
        Patch(color=COLORS[part], label=part if folded else f"{part} ({counts[part]})")
        for part in (*SPLITS, EMBARGO)
        if part in present
    ]
    largest = max((frame.splash_share or 0 for frame in ordered), default=0)
    title = (
        f"spikes: share of {class_name}, the highest {largest:.1%}" if largest else None
    )
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=4,
        frameon=False,
        title=title,
        title_fontsize=9,
    )
