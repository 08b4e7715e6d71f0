"""Precision, recall and Dice of a class over thresholds, as a picture."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mmseg_splashkd.evaluation.frame_scores import FrameScores, load_scores
from mmseg_splashkd.evaluation.operating_point import (
    OperatingPoint,
    average_precision,
    best_operating_point,
    point_at,
    threshold_curve,
)
from mmseg_splashkd.files import whole_file, write_whole
from mmseg_splashkd.report.curves import NEUTRAL, STYLE, line_style, to_svg

SUFFIXES = (".svg", ".png")
DPI = 150
BACKGROUND = "#ffffff"  # of a PNG; an SVG has that of its page


def operating_curve(scores: FrameScores, chosen: float | None = None) -> str:
    """Draw precision, recall and Dice of ``scores.focus`` over the threshold.

    Args:
        scores: With a histogram.
        chosen: A threshold to mark, in [0, 1]; by default the best one of these frames.

    Returns:
        An ``<svg>`` element with transparent background.

    Raises:
        ValueError: The scores have no probabilities, or hold no pixel of the class.
    """
    with mpl.rc_context(STYLE), mpl.rc_context({"svg.hashsalt": scores.focus}):
        return to_svg(_figure(scores, chosen))


def write_curve(
    scores: FrameScores, path: str | Path, chosen: float | None = None
) -> Path:
    """Write the picture of ``operating_curve`` to an SVG or PNG file, by its suffix.

    Returns:
        ``path``.

    Raises:
        ValueError: As there, or the suffix is another one.
    """
    path = check_curve_path(path)
    if path.suffix == ".svg":
        return write_whole(path, operating_curve(scores, chosen))
    with mpl.rc_context(STYLE), whole_file(path) as partial:
        figure = _figure(scores, chosen)
        FigureCanvasAgg(figure)
        figure.savefig(partial, dpi=DPI, facecolor=BACKGROUND)
    return path


def write_curve_of(scores_file: str | Path, path: str | Path) -> Path:
    """Write the picture of a file of scores, with the threshold of that test marked.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: As in ``write_curve``, or the file is damaged.
    """
    scores = load_scores(scores_file)
    return write_curve(scores, path, scores.about.get("threshold"))


def check_curve_path(path: str | Path) -> Path:
    """Make sure that a picture can be written under this name.

    Raises:
        ValueError: Its suffix is neither ``.svg`` nor ``.png``.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"--curve {path} ends with none of {SUFFIXES}")
    return path


def _figure(scores: FrameScores, chosen: float | None) -> Figure:
    if scores.histogram is None:
        raise ValueError(
            "scores hold no probabilities, of which the curve is made: they were "
            "averaged over flips, or the model has one output for two classes"
        )
    curve = threshold_curve(scores.histogram)
    if not curve.true_pixels:
        raise ValueError(f"no pixel of these frames is {scores.focus}: no curve")
    point = best_operating_point(curve) if chosen is None else point_at(curve, chosen)
    figure = Figure(figsize=(5.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    for index, name in enumerate(("precision", "recall", "dice")):
        _draw(axes, curve.thresholds, getattr(curve, name), name, index)
    told = [f"average precision {100 * average_precision(curve):.1f}"]
    if point is not None:
        _mark(axes, point)
        told = [f"p ≥ {point.threshold:.2f}", f"Dice {100 * point.dice:.1f}", *told]
    axes.set_title("   ".join(told), fontsize=10, loc="left")
    _label(axes, scores.focus)
    figure.legend(loc="outside upper left", ncols=3, frameon=False, handlelength=2.6)
    return figure


def _draw(
    axes: Axes, thresholds: np.ndarray, values: np.ndarray, name: str, index: int
) -> None:
    color, dashes = line_style(index)
    pattern: Sequence = (0, tuple(map(float, dashes.split()))) if dashes else "-"
    label = name.capitalize()
    axes.plot(thresholds, 100 * values, color=color, linestyle=pattern, label=label)


def _mark(axes: Axes, point: OperatingPoint) -> None:
    """A vertical line at the threshold, and a dot on the Dice that it brings."""
    color, _ = line_style(2)
    axes.axvline(point.threshold, color=NEUTRAL, linewidth=1)
    axes.plot(point.threshold, 100 * point.dice, "o", color=color, markersize=6)


def _label(axes: Axes, name: str) -> None:
    axes.set_xlabel(f"{name} where its probability is at least")
    axes.set_ylabel("%")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 102)
    axes.grid(axis="y", color=NEUTRAL, alpha=0.25, linewidth=0.8)
