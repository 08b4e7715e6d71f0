"""Tables and notes of arms: in the terminal, in Markdown and as JSON."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.tables import markdown_table, terminal_table

Table = tuple[list[str], list[list[str]]]  # headings, and the cells of each row


def arm_names(files: Sequence[str]) -> list[str]:
    """Names of the files, those that are alike with the name of their folder.

    Args:
        files: Paths.
    """
    stems = [Path(file).stem for file in files]
    often = Counter(stems)
    return [
        stem if often[stem] == 1 else f"{Path(file).absolute().parent.name}/{stem}"
        for file, stem in zip(files, stems, strict=True)
    ]


def print_arms_tables(
    tables: Iterable[Table], notes: Sequence[str], markdown: bool
) -> None:
    """Print tables, and the notes below them.

    Args:
        tables: Headings and rows of each table; the first column is text, the others
            are numbers.
        notes: Sentences.
        markdown: Whether to print Markdown instead of tables for the terminal.
    """
    if markdown:
        parts = [markdown_table(*each) for each in tables]
        print("\n\n".join([*parts, *notes]))
        return
    console = Console()
    for heads, rows in tables:
        console.print(terminal_table(heads, rows, right=range(1, len(heads))))
    for line in notes:
        console.print(Text(line), end="\n\n")


def write_arms_json(
    path: str | Path, arms: Sequence[dict[str, object]], notes: Sequence[str]
) -> None:
    """Write the figures of all arms, and the notes, as JSON.

    Args:
        path: File to write.
        arms: JSON values of each arm.
        notes: Sentences.

    Raises:
        UnwritableError: Drive, quota or rights do not allow it.
    """
    values = {"arms": list(arms), "notes": list(notes)}
    write_whole(path, json.dumps(values, indent=1, allow_nan=False) + "\n")
