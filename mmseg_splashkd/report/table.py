"""The figures of the runs side by side, and the same table for the terminal."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmseg_splashkd.report.runs import Run, check_comparable, class_index, number


def columns(focus: str) -> dict[str, Callable[[Run], str]]:
    """Heading of each column of the table -> how a run fills it."""
    return {
        "mIoU (%)": lambda run: number(run.metrics.get("mIoU")),
        f"Dice {focus} (%)": lambda run: number(run.metrics.get(f"Dice.{focus}")),
        "Pixel accuracy (%)": lambda run: number(run.metrics.get("aAcc")),
        "Parameters (M)": lambda run: number(run.parameters / 1e6),
        "GMACs": lambda run: number(run.gmacs),
        "ms/frame": lambda run: number(run.ms_per_frame, 1),
    }


def print_table(
    runs: Sequence[Run],
    focus_class: str | None = None,
    console: Console | None = None,
) -> None:
    """Print the figures of the runs, one line a run.

    Args:
        runs: Runs tested on the same frames.
        focus_class: The class whose Dice is shown, by default the last one.
        console: Where to print, by default the terminal.

    Raises:
        ValueError: The runs are not comparable or know no such class.
    """
    check_comparable(runs)
    cells = columns(runs[0].classes[class_index(runs[0], focus_class)])
    table = Table(
        box=SIMPLE_HEAD, caption=Text(conditions(runs)), caption_justify="left"
    )
    table.add_column("Run")
    for heading in cells:
        # One word a line leaves a narrow terminal's width to the names.
        table.add_column(Text(heading.replace(" ", "\n")), justify="right")
    for run in runs:
        table.add_row(Text(run.title), *[cell(run) for cell in cells.values()])
    (console or Console()).print(table)


def conditions(runs: Sequence[Run]) -> str:
    """Say how the figures were had: device, date, seed, iterations."""

    def unique(values: Iterable[Any]) -> str:
        return " and ".join(dict.fromkeys(map(str, values)))

    return (
        f"Measured on {unique(run.device for run in runs)}; "
        f"tested {unique(run.date for run in runs)}; "
        f"seed {unique(run.seed for run in runs)}; "
        f"training iterations {unique(run.iterations for run in runs)}."
    )
