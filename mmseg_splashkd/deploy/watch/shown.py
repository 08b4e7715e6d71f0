"""What a terminal shows while a source is watched."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import Progress

from mmseg_splashkd.deploy.watch.counts import Counts
from mmseg_splashkd.deploy.watch.source import Problem, Source

SHOWN = 5  # problems of one reason that are printed


@dataclass(frozen=True)
class Shown:
    """Progress and problems on standard error.

    Args:
        progress: The display.
        task: Its task.
        counts: What became of the frames.
    """

    progress: Progress
    task: Any
    counts: Counts

    @classmethod
    @contextmanager
    def on(cls, source: Source, counts: Counts) -> Iterator["Shown"]:
        """Show a source while the context lasts.

        Args:
            source: The source.
            counts: What becomes of its frames.
        """
        with Progress(console=Console(stderr=True)) as progress:
            yield cls(
                progress, progress.add_task("Watching", total=source.count), counts
            )

    def advance(self) -> None:
        """Show a further frame or problem."""
        text = f"Watching: {self.counts.progress()}"
        self.progress.update(self.task, advance=1, description=text)

    def problem(self, problem: Problem) -> None:
        """Print a problem, if it is one of the first of its reason."""
        count = self.counts.dropped[problem.reason]
        if count > SHOWN:
            return
        more = ", and others of its kind are only counted" if count == SHOWN else ""
        text = f"{problem.reason}: {problem.text}{more}"
        self.progress.console.print(text, markup=False, highlight=False, soft_wrap=True)
