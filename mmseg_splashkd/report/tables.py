"""Tables in the terminal and in Markdown."""

from collections.abc import Collection, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text


def name_of(metric: str) -> str:
    """``Dice.splash`` as ``Dice of splash``."""
    return metric.replace(".", " of ", 1)


def terminal_table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Collection[int] = (),
    caption: str | None = None,
) -> Table:
    """A table for the terminal; cells may contain any characters.

    Args:
        heads: Headings.
        rows: Cells of each row.
        right: Indices of columns to align at the right.
        caption: Line below the table.
    """
    table = Table(box=SIMPLE_HEAD, caption=caption, caption_justify="left")
    for column, head in enumerate(heads):
        table.add_column(Text(head), justify="right" if column in right else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table without a newline at its end."""
    lines = [heads, ["---"] * len(heads), *rows]
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)
