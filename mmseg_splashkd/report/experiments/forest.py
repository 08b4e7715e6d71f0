"""Forest plot: differences from the baseline with their intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from mmseg_splashkd.report.experiments.tables import difference_figure
from mmseg_splashkd.report.figures import BAD, GOOD, NEUTRAL, svg_figure
from mmseg_splashkd.report.formatting import minus
from mmseg_splashkd.statistics import Difference

MOST = 4.0  # median interval lengths; the axis ends there
COLORS = {"better": GOOD, "worse": BAD}
SYMBOLS = {"better": "▲ ", "worse": "▼ "}


def forest(
    lanes: Mapping[str, Difference], limits: tuple[float, float], salt: str
) -> Markup:
    """Draw one lane per arm: its name, the difference, the interval.

    A filled dot is a verdict, a hollow one may be chance. An arrow marks the end of an
    interval beyond the axis.

    Args:
        lanes: Label of the arm -> its difference in points.
        limits: Ends of the axis in points, see ``axis_limits``.
        salt: Makes ids unique within a page.
    """
    low, high = limits
    with svg_figure((5.6, 0.6 + 0.52 * len(lanes)), salt) as drawn:
        axes = drawn.axes
        axes.axvline(0, color=NEUTRAL, linewidth=1)
        side = axes.get_yaxis_transform()  # x from 0 to 1 across the axes
        for row, (label, each) in enumerate(lanes.items()):
            symbol = SYMBOLS.get(each.verdict, "")
            axes.text(0, 0.42 - row, label, transform=side, fontsize=10)
            text = f"{symbol}{difference_figure(each)}"
            axes.text(1, 0.42 - row, text, transform=side, fontsize=10, ha="right")
            if np.isnan(each.value):
                continue
            color = COLORS.get(each.verdict, NEUTRAL)
            if each.interval is not None:
                begin, end = each.interval.low, each.interval.high
                axes.plot([max(begin, low), min(end, high)], [-row] * 2, color=color)
                cut = [(low, "<")] * (begin < low) + [(high, ">")] * (end > high)
                for edge, marker in cut:
                    axes.plot(edge, -row, marker, color=color, clip_on=False)
            face = color if each.verdict in COLORS else "none"
            style = {"color": color, "markersize": 7, "markerfacecolor": face}
            axes.plot(each.value, -row, "o", clip_on=False, **style)
        axes.set_xlim(low, high)
        axes.set_ylim(0.4 - len(lanes), 0.9)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axes.xaxis.set_major_formatter(_tick)
    return drawn.svg


def _tick(value: float, _: float) -> str:
    return "0" if abs(value) < 1e-9 else minus(f"{value:+g}")


def axis_limits(differences: Sequence[Difference]) -> tuple[float, float]:
    """Ends of an axis that contains 0 and all differences, in points.

    An interval much wider than the others is cut off, so that the others stay legible.
    """
    values = [0.0, *(each.value for each in differences if not np.isnan(each.value))]
    intervals = [each.interval for each in differences if each.interval]
    ends = [end for each in intervals for end in (each.low, each.high)]
    lengths = [each.high - each.low for each in intervals]
    usual = MOST * float(np.median(lengths)) if lengths else 0.0
    ends = np.clip(ends, min(values) - usual, max(values) + usual).tolist()
    low, high = min(values + ends), max(values + ends)
    margin = 0.04 * (high - low) or 1.0
    return low - margin, high + margin
