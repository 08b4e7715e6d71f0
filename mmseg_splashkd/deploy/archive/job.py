"""A source of an archive as a job of Ray."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mmseg_splashkd.deploy.archive.finished import finish, read_finished, state_file
from mmseg_splashkd.deploy.archive.listing import Listed
from mmseg_splashkd.sweep.job import Job


@dataclass(frozen=True)
class WatchJob(Job):
    """Watches one source; its result is the number of rows.

    Args:
        config: File of the model.
        options: Not used.
        folder: Folder of the source.
        listed: The source.
    """

    listed: Listed

    @property
    def log(self) -> Path:
        """See ``Job``."""
        return state_file(self.listed, ".log")

    def result(self) -> float | None:
        """See ``Job``."""
        found = read_finished(self.listed)
        return None if found is None else float(found.frames)

    def work(self) -> Iterator[str]:
        """See ``Job``."""
        yield "watches"
        finish(_with_threads(self.listed))


def job_of(listed: Listed) -> WatchJob:
    """The job of a source."""
    return WatchJob(listed.asked.model, {}, Path(listed.asked.out), listed)


def _with_threads(listed: Listed) -> Listed:
    """One thread for each core that Ray gives this process, unless asked."""
    cores = os.environ.get("OMP_NUM_THREADS", "")
    if listed.asked.threads is not None or not cores.isdecimal():
        return listed
    return replace(listed, asked=replace(listed.asked, threads=max(1, int(cores))))
