"""Figures as SVG elements: one style, axes and keys for all pages."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Mid-tones that colour-blind readers distinguish on white and on black; the dashes
# distinguish the lines without any colour.
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


class SvgFigure:
    """A figure with one pair of axes; ``svg`` is set when its context ends."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.axes: Axes = figure.add_subplot()
        self.svg = Markup("")


@contextmanager
def svg_figure(size: tuple[float, float], salt: str) -> Iterator[SvgFigure]:
    """Draw an SVG figure in the style of the pages.

    Args:
        size: Width and height in inches.
        salt: Makes the ids in the SVG unique within a page and the same in every run.

    Yields:
        The figure, whose ``svg`` is an ``<svg>`` element with transparent background
        after the context.
    """
    with mpl.rc_context(STYLE), mpl.rc_context({"svg.hashsalt": salt}):
        drawn = SvgFigure(Figure(figsize=size, dpi=160, layout="constrained"))
        yield drawn
        drawn.svg = Markup(to_svg(drawn.figure))


def to_svg(figure: Figure) -> str:
    """Render a figure as an ``<svg>`` element; equal figures give equal text."""
    buffer = io.StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=metadata)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    # Ids of groups repeat from figure to figure, and must be unique within a page.
    return re.sub(r'<g id="[^"]*"', "<g", svg)


def line_style(index: int) -> tuple[str, str]:
    """Colour and SVG dash pattern of line number ``index`` of a page."""
    return COLORS[index % len(COLORS)], DASHES[index % len(DASHES)]


def dash_pattern(dashes: str) -> Any:
    """Convert an SVG dash pattern to a matplotlib line style."""
    return (0, tuple(map(float, dashes.split()))) if dashes else "solid"


def grid(axes: Axes) -> None:
    """Draw thin horizontal grid lines."""
    axes.grid(axis="y", color=NEUTRAL, alpha=0.25, linewidth=0.8)


def label_iterations(axes: Axes) -> None:
    """Label the axes of a plot over iterations."""
    axes.set_xlabel("iteration")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    grid(axes)


def time_labels(moments: Sequence[datetime]) -> list[str]:
    """Tick labels of times: with the day where they span several days."""
    one_day = moments[0].date() == moments[-1].date()
    pattern = "%H:%M:%S" if one_day else "%m-%d %H:%M"
    return [f"{moment:{pattern}}" for moment in moments]
