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

# Mid-tones that colour-blind readers distinguish on white and on black; the dashes
# distinguish the lines without any colour.
COLORS = ("#3b8fd9", "#d9662b", "#1f9e80", "#b873b3", "#b98a00", "#7f8c99")
DASHES = ("", "6 2", "2 2", "8 2 2 2", "12 3", "4 4")
NEUTRAL, GOOD, BAD = "#7b8794", "#2f9e44", "#e5484d"

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
    """A figure with one pair of axes.

    Attributes:
        figure: The figure.
        axes: Axes of the figure.
        svg: An ``<svg>`` element with transparent background; set when the context of
            ``svg_figure`` ends. Equal figures give equal text.
    """

    def __init__(self, size: tuple[float, float]) -> None:
        self.figure = Figure(figsize=size, dpi=160, layout="constrained")
        self.axes: Axes = self.figure.add_subplot()
        self.svg = Markup("")

    def render(self) -> None:
        """Set ``svg``."""
        buffer = io.StringIO()
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        self.figure.savefig(buffer, format="svg", transparent=True, metadata=metadata)
        svg = buffer.getvalue()
        # Ids of groups repeat from figure to figure, and must be unique within a page.
        self.svg = Markup(re.sub(r'<g id="[^"]*"', "<g", svg[svg.index("<svg") :]))


@contextmanager
def svg_figure(size: tuple[float, float], salt: str) -> Iterator[SvgFigure]:
    """Draw a figure in the style of the pages.

    Args:
        size: Width and height in inches.
        salt: Makes the ids in the SVG unique within a page and the same in every run.

    Yields:
        The figure.
    """
    with mpl.rc_context({**STYLE, "svg.hashsalt": salt}):
        drawn = SvgFigure(size)
        yield drawn
        drawn.render()


def line_style(index: int) -> tuple[str, str]:
    """Colour and SVG dash pattern of line number ``index`` of a page."""
    return COLORS[index % len(COLORS)], DASHES[index % len(DASHES)]


def line(index: int) -> dict[str, Any]:
    """``line_style`` as arguments of ``Axes.plot``."""
    color, dashes = line_style(index)
    pattern = (0, tuple(map(float, dashes.split()))) if dashes else "solid"
    return {"color": color, "linestyle": pattern}


def grid(axes: Axes) -> None:
    """Draw thin horizontal grid lines."""
    axes.grid(axis="y", color=NEUTRAL, alpha=0.25, linewidth=0.8)


def time_labels(moments: Sequence[datetime]) -> list[str]:
    """Tick labels of times: with the day where they span several days."""
    one_day = moments[0].date() == moments[-1].date()
    pattern = "%H:%M:%S" if one_day else "%m-%d %H:%M"
    return [f"{moment:{pattern}}" for moment in moments]
