"""Precision, recall and Dice of the focus class over the threshold, as a figure."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
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
from mmseg_splashkd.report.figures import (
    NEUTRAL,
    STYLE,
    dash_pattern,
    grid,
    line_style,
    svg_figure,
)

SUFFIXES = (".svg", ".png")
SIZE = (5.4, 3.6)  # inches
DPI = 150
BACKGROUND = "#ffffff"  # of a PNG; an SVG has the background of its page


def operating_curve(
    scores: FrameScores, chosen: float | None = None, salt: str = ""
) -> Markup:
    """Draw precision, recall and Dice of ``scores.focus`` over the threshold.

    Args:
        scores: Scores with a histogram.
        chosen: Threshold to mark, in [0, 1]; by default the best one of these frames.
        salt: Makes ids unique where a page holds several curves.

    Returns:
        An ``<svg>`` element with transparent background.

    Raises:
        ValueError: The scores have no probabilities, or no pixel of the class.
    """
    _check(scores)
    with svg_figure(SIZE, f"{scores.focus}{salt}") as drawn:
        _draw(drawn.figure, drawn.axes, scores, chosen)
    return drawn.svg


def write_curve(
    scores: FrameScores, path: str | Path, chosen: float | None = None
) -> Path:
    """Write the figure of ``operating_curve`` to an SVG or PNG file, by its suffix.

    Args:
        scores: Scores with a histogram.
        path: The file.
        chosen: Threshold to mark, in [0, 1]; by default the best one of these frames.

    Returns:
        ``path``.

    Raises:
        ValueError: See ``operating_curve`` and ``check_curve_path``.
    """
    path = check_curve_path(path)
    if path.suffix == ".svg":
        return write_whole(path, operating_curve(scores, chosen))
    _check(scores)
    with mpl.rc_context(STYLE), whole_file(path) as partial:
        figure = Figure(figsize=SIZE, layout="constrained")
        FigureCanvasAgg(figure)
        _draw(figure, figure.add_subplot(), scores, chosen)
        figure.savefig(partial, dpi=DPI, facecolor=BACKGROUND)
    return path


def write_curve_of(scores_file: str | Path, path: str | Path) -> Path:
    """Write the figure of a scores file, with the threshold of that test marked.

    Args:
        scores_file: The scores (``.npz``).
        path: The figure, ``.svg`` or ``.png``.

    Raises:
        FileNotFoundError: The scores file does not exist.
        ValueError: See ``write_curve``, or the scores are damaged.
    """
    scores = load_scores(scores_file)
    return write_curve(scores, path, scores.about.get("threshold"))


def check_curve_path(path: str | Path) -> Path:
    """Check that a figure can be written under a name.

    Raises:
        ValueError: Its suffix is neither ``.svg`` nor ``.png``.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"--curve {path} ends with none of {SUFFIXES}")
    return path


def _check(scores: FrameScores) -> None:
    if scores.histogram is None:
        raise ValueError(
            "the scores hold no probabilities, which the curve needs: they are "
            "averaged over flips, or the model has one output channel for two classes"
        )
    if not scores.histogram[:, 1].sum():
        raise ValueError(f"no pixel of these frames is {scores.focus}: no curve")


def _draw(
    figure: Figure, axes: Axes, scores: FrameScores, chosen: float | None
) -> None:
    curve = threshold_curve(np.asarray(scores.histogram))
    point = best_operating_point(curve) if chosen is None else point_at(curve, chosen)
    for index, name in enumerate(("precision", "recall", "dice")):
        color, dashes = line_style(index)
        axes.plot(
            curve.thresholds,
            100 * getattr(curve, name),
            color=color,
            linestyle=dash_pattern(dashes),
            label=name.capitalize(),
        )
    words = [f"average precision {100 * average_precision(curve):.1f}"]
    if point is not None:
        _mark(axes, point)
        words = [f"p ≥ {point.threshold:.2f}", f"Dice {100 * point.dice:.1f}", *words]
    axes.set_title("   ".join(words), fontsize=10, loc="left")
    axes.set_xlabel(f"threshold on the probability of {scores.focus}")
    axes.set_ylabel("%")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 102)
    grid(axes)
    figure.legend(loc="outside upper left", ncols=3, frameon=False, handlelength=2.6)


def _mark(axes: Axes, point: OperatingPoint) -> None:
    """Draw a vertical line at the threshold and a dot at its Dice."""
    color, _ = line_style(2)
    axes.axvline(point.threshold, color=NEUTRAL, linewidth=1)
    axes.plot(point.threshold, 100 * point.dice, "o", color=color, markersize=6)
