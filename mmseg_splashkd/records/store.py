"""The runs of a folder, each with its record."""

import glob
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmseg_splashkd.records.killed import as_killed
from mmseg_splashkd.records.ledger import LEDGER, read_ledger
from mmseg_splashkd.records.lock import is_locked
from mmseg_splashkd.records.record import RUNNING, Attempt, RunRecord
from mmseg_splashkd.records.run_file import RECORD, read_record, write_record

__all__ = [
    "Run",
    "find_runs",
    "read_record",
    "read_run",
    "run_of_weights",
    "write_record",
]

NOT_RECORDED = "not recorded"
SIGNS = ("scores/*.npz", "*/vis_data/scalars.json", "weights_*.safetensors")
Ledgers = dict[Path, dict[Path, list[RunRecord]]]


@dataclass(frozen=True, eq=False)
class Run:
    """One run and its folder.

    Args:
        record: Record of the run.
        work_dir: Folder of the run.
    """

    record: RunRecord
    work_dir: Path

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.record.name

    @property
    def status(self) -> str:
        """Status of the record, or ``'not recorded'``."""
        return self.record.status

    def scores_path(self, part: str, weights: str) -> Path | None:
        """Counts of every frame of a part.

        Args:
            part: ``'val'`` or ``'test'``.
            weights: ``'best'`` or ``'last'``.

        Returns:
            An existing file; None if the run left none.
        """
        name: str | None = f"scores/{part}_{weights}.npz"
        if part == "val" and self.status != NOT_RECORDED:
            # None: a file of that name is of an earlier run in the same folder.
            name = self.record.scores.of(weights)
        return self._existing(name)

    def weights_path(self, weights: str) -> Path | None:
        """Exported weights, ``'best'`` or ``'last'``; None if the run left none."""
        if self.status == NOT_RECORDED:
            paths = sorted(self.work_dir.glob(f"weights_*_{weights}.safetensors"))
            return paths[0] if len(paths) == 1 else None
        kept = self.record.weights.of(weights)
        return self._existing(kept and kept.path)

    def _existing(self, name: str | None) -> Path | None:
        path = self.work_dir / name if name else None
        return path if path is not None and path.is_file() else None


def read_run(work_dir: str | Path) -> Run | None:
    """The run of a folder, ``'killed'`` if it was running and its process is gone.

    A folder with scores, logs or weights, but without a record that can be read, holds
    a run of status ``'not recorded'``, with the cause in ``reason``.

    Args:
        work_dir: Folder of a run.

    Returns:
        The run; None where there is none.
    """
    work_dir = Path(work_dir)
    try:
        record = read_record(work_dir)
    except ValueError as error:
        return _not_recorded(work_dir, str(error))
    if record is not None:
        return Run(with_status(record, work_dir), work_dir)
    if any(any(work_dir.glob(sign)) for sign in SIGNS):
        return _not_recorded(
            work_dir,
            f"there is no {RECORD} in it: trained by a version that wrote none; train "
            f"it again",
        )
    return None


def run_of_weights(path: str | Path) -> Run | None:
    """The recorded run that wrote a file of weights; None if there is no record."""
    run = read_run(Path(path).parent)
    return None if run is None or run.status == NOT_RECORDED else run


def _not_recorded(work_dir: Path, reason: str) -> Run:
    record = RunRecord(id="", name=work_dir.name, status=NOT_RECORDED, reason=reason)
    return Run(record, work_dir)


def with_status(record: RunRecord, work_dir: Path) -> RunRecord:
    """Replace the status ``'running'`` by ``'killed'`` if no process trains the run.

    Locks show processes of this machine alone: a record of another machine stays
    ``'running'``.
    """
    on_this_machine = record.hostname == socket.gethostname()
    if record.status != RUNNING or not on_this_machine or is_locked(work_dir):
        return record
    return as_killed(record, work_dir)


def find_runs(sources: Sequence[str | Path]) -> list[Run]:
    """Find runs.

    Args:
        sources: Work directories, folders that contain work directories, old ledgers
            (``records.jsonl``), or patterns of them. Other files, and folders without
            a run, are skipped.

    Returns:
        Runs in the order of the sources, in a folder by name, each once. Those that are
        running, were killed, or have no record are among them.

    Raises:
        FileNotFoundError: A source does not exist, or no path matches a pattern.
        ValueError: There is no run at all.
    """
    paths = list(dict.fromkeys(path for each in sources for path in _expand(each)))
    ledgers: Ledgers = {}
    runs: dict[Path, Run] = {}
    for path in paths:
        for run in _runs_at(path, ledgers):
            runs.setdefault(run.work_dir.resolve(), run)
    if not runs:
        listed = ", ".join(map(str, paths[:3])) or "no path given"
        raise ValueError(
            f"no runs found ({listed}): give work directories of tools/train.py, a "
            f"folder of them, the folder of a sweep, or an old {LEDGER}"
        )
    return list(runs.values())


def _expand(source: str | Path) -> list[Path]:
    path = Path(source)
    if path.exists():
        return [path]
    matches = sorted(glob.glob(str(source)))  # noqa: PTH207 - of absolute patterns, too
    if not matches:
        raise FileNotFoundError(f"{source} does not exist, and no path matches it")
    return [Path(each) for each in matches]


def _runs_at(path: Path, ledgers: Ledgers) -> Iterator[Run]:
    if path.is_file():
        if path.name == LEDGER:
            listed = _lines(path.parent, ledgers)
            yield from filter(None, (_run_of(each, ledgers) for each in listed))
        return
    if (run := _run_of(path, ledgers)) is not None:
        yield run
        return
    inside = [each for each in sorted(path.iterdir()) if each.is_dir()]
    folders = dict.fromkeys([*inside, *_lines(path, ledgers)])
    yield from filter(None, (_run_of(each, ledgers) for each in folders))


def _run_of(folder: Path, ledgers: Ledgers) -> Run | None:
    """The run of a folder, with earlier starts from an old ledger beside it."""
    run = read_run(folder) if folder.is_dir() else None
    lines = _lines(folder.parent, ledgers).get(folder, [])
    if lines and (run is None or run.status == NOT_RECORDED):
        *lines, last = lines
        run = Run(last, folder)
    if run is None:
        return None
    ids = {run.record.id, *(each.id for each in run.record.attempts)}
    earlier = [attempt_of(line) for line in lines if line.id not in ids]
    attempts = (*earlier, *run.record.attempts)
    return Run(replace(run.record, attempts=attempts), folder)


def attempt_of(record: RunRecord) -> Attempt:
    """The summary of an earlier start that the record of a later one contains."""
    return Attempt(
        id=record.id,
        began=record.began or "",
        status=record.status,
        ended=record.ended,
        reason=record.reason,
        iteration=record.iteration,
        wall_s=record.wall_s,
    )


def _lines(folder: Path, ledgers: Ledgers) -> dict[Path, list[RunRecord]]:
    """Work directory -> lines of the old ledger of a folder, each ledger read once."""
    if folder not in ledgers:
        path = folder / LEDGER
        ledgers[folder] = {}
        for work_dir, record in read_ledger(path) if path.is_file() else ():
            ledgers[folder].setdefault(work_dir, []).append(record)
    return ledgers[folder]
