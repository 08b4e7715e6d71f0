"""Precision, recall and Dice of the focus class over the threshold, as a figure."""

from pathlib import Path

import numpy as np

from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.evaluation.operating_point import (
    average_precision,
    best_operating_point,
    point_at,
    threshold_curve,
)
from mmseg_splashkd.files import whole_file, write_whole
from mmseg_splashkd.report.figures import (
    NEUTRAL,
    SvgFigure,
    grid,
    line,
    svg_figure,
)

SUFFIXES = (".svg", ".png")
SIZE = (5.4, 3.6)  # inches
DPI = 150
BACKGROUND = "#ffffff"  # of a PNG; an SVG has the background of its page


def operating_curve(
    histogram: np.ndarray | None,
    focus: str,
    chosen: float | None = None,
    salt: str = "",
) -> SvgFigure:
    """Draw precision, recall and Dice of the focus class over the threshold.

    Args:
        histogram: (N, 2, BINS) of the probabilities in N frames, see ``FrameScores``.
        focus: Name of the focus class.
        chosen: Threshold to mark, in [0, 1]; by default the best one of these frames.
        salt: Makes ids unique where a page holds several curves.

    Raises:
        ValueError: There are no probabilities, or no pixel of the class.
    """
    if histogram is None:
        raise ValueError(
            "the scores hold no probabilities, which the curve needs: they are "
            "averaged over flips, or the model outputs none"
        )
    if not histogram[:, 1].sum():
        raise ValueError(f"no pixel of these frames is {focus}: no curve")
    curve = threshold_curve(histogram)
    point = best_operating_point(curve) if chosen is None else point_at(curve, chosen)
    words = [f"average precision {100 * average_precision(curve):.1f}"]
    with svg_figure(SIZE, f"{focus}{salt}") as drawn:
        axes = drawn.axes
        for index, name in enumerate(("precision", "recall", "dice")):
            values = 100 * getattr(curve, name)
            axes.plot(curve.thresholds, values, label=name.capitalize(), **line(index))
        if point is not None:
            dice, color = 100 * point.dice, line(2)["color"]
            axes.axvline(point.threshold, color=NEUTRAL, linewidth=1)
            axes.plot(point.threshold, dice, "o", color=color, markersize=6)
            words = [f"p ≥ {point.threshold:.2f}", f"Dice {dice:.1f}", *words]
        axes.set_title("   ".join(words), fontsize=10, loc="left")
        axes.set_xlabel(f"threshold on the probability of {focus}")
        axes.set_ylabel("%")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 102)
        grid(axes)
        outside = {"loc": "outside upper left", "ncols": 3, "handlelength": 2.6}
        drawn.figure.legend(frameon=False, **outside)
    return drawn


def write_curve(scores: FrameScores, path: str | Path) -> Path:
    """Write the figure of ``operating_curve`` to an SVG or PNG file, by its suffix.

    Args:
        scores: Scores with a histogram. The threshold of their test is marked; the best
            one, where it was argmax.
        path: The file.

    Returns:
        ``path``.

    Raises:
        ValueError: See ``operating_curve`` and ``check_curve_path``.
    """
    path = check_curve_path(path)
    chosen = scores.about.get("threshold")
    drawn = operating_curve(scores.histogram, scores.focus, chosen)
    if path.suffix == ".svg":
        return write_whole(path, drawn.svg)
    with whole_file(path) as partial:
        drawn.figure.savefig(partial, format="png", dpi=DPI, facecolor=BACKGROUND)
    return path


def check_curve_path(path: str | Path) -> Path:
    """Check that a figure can be written under a name.

    Raises:
        ValueError: Its suffix is neither ``.svg`` nor ``.png``.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"--curve {path} ends with none of {SUFFIXES}")
    return path
