"""Learning curves as SVG that reads on light and dark pages alike."""

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmseg_splashkd.report.runs import Run, curve

# Mid-tones told apart by colour-blind readers on white and on black; the dashes tell
# them apart without any colour.
COLORS = ("#3b8fd9", "#d9662b", "#1f9e80", "#b873b3", "#b98a00", "#7f8c99")
DASHES = ("", "6 2", "2 2", "8 2 2 2", "12 3", "4 4")
NEUTRAL = "#7b8794"

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text, in the font of the page
    "font.size": 11,
    "text.color": NEUTRAL,
    "axes.edgecolor": NEUTRAL,
    "axes.labelcolor": NEUTRAL,
    "xtick.color": NEUTRAL,
    "ytick.color": NEUTRAL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.scale_dashes": False,
}


def line_style(index: int) -> tuple[str, str]:
    """Colour and SVG dash pattern of a report's run number ``index``."""
    return COLORS[index % len(COLORS)], DASHES[index % len(DASHES)]


def curves(runs: Sequence[Run], key: str) -> str:
    """Draw one logged quantity over the iterations, one line a run.

    Args:
        runs: Runs in the order of the report, which decides their colours.
        key: Name in the log, e.g. ``loss``, ``mIoU`` or ``Dice.splash``.

    Returns:
        An ``<svg>`` element with transparent background; empty if no run logged it.
    """
    with mpl.rc_context(STYLE), mpl.rc_context({"svg.hashsalt": key}):
        figure = Figure(figsize=(5.4, 3.3), layout="constrained")
        axes = figure.add_subplot()
        for index, run in enumerate(runs):
            steps, values = curve(run, key)
            if steps:
                _draw(axes, steps, values, *line_style(index))
        if not axes.lines:
            return ""
        label_iterations(axes)
        return to_svg(figure)


def label_iterations(axes: Axes) -> None:
    """Mark the axes of a plot over iterations."""
    axes.set_xlabel("iteration")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="y", color=NEUTRAL, alpha=0.25, linewidth=0.8)


def dash_pattern(dashes: str) -> Any:
    """An SVG dash pattern as matplotlib takes it."""
    return (0, tuple(map(float, dashes.split()))) if dashes else "solid"


def _draw(axes, steps, values, color, dashes) -> None:
    pattern = dash_pattern(dashes)
    marker = "o" if len(steps) <= 30 else ""
    axes.plot(
        steps,
        values,
        color=color,
        linestyle=pattern,
        marker=marker,
        markersize=3.5,
        linewidth=1.8,
    )


def to_svg(figure: Figure) -> str:
    """Text of a figure, the same for the same figure, to stand within a page."""
    buffer = io.StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=metadata)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    # Group ids repeat from figure to figure, and a page may hold each id once.
    return re.sub(r'<g id="[^"]*"', "<g", svg)
