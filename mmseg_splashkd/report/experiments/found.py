"""The runs that are asked for, as their ledgers tell them."""

import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_splashkd.records import LEDGER, read_ledger
from mmseg_splashkd.records.run_file import RUN, pending_runs, read_run

SIGNS = ("scores/*.npz", "*/vis_data/scalars.json", "weights_*.safetensors")


@dataclass(frozen=True, eq=False)
class RunRecord:
    """One run.

    Args:
        record: What the last line about it in its ledger says; only ``run``, ``how``
            and ``why`` are sure to be there.
        work_dir: Its folder.
        ledger: The file that tells of it; None if none does.
        earlier: Older lines about the same folder: of runs that went on or began anew.
    """

    record: Mapping[str, Any]
    work_dir: Path
    ledger: Path | None = None
    earlier: tuple[Mapping[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """Of the run."""
        return self.record["run"]

    @property
    def how(self) -> str:
        """How it ended: finished, stopped, failed, killed; running; not recorded."""
        return self.record["how"]


def find_runs(sources: Sequence[str | Path]) -> list[RunRecord]:
    """Find runs by their work directories, or all of a ledger.

    Args:
        sources: Work directories, folders with a ``records.jsonl``, such ledgers, or
            patterns of them. Other files, and folders that hold no run, are passed by.

    Returns:
        Runs in the order of sources and ledgers, each once; those under way, those
        that were killed, and those that no ledger tells of, too.

    Raises:
        FileNotFoundError: A source does not exist, or a pattern fits nothing.
        ValueError: There is no run at all.
    """
    paths = list(dict.fromkeys(path for each in sources for path in _expand(each)))
    runs: dict[Path, RunRecord] = {}
    for path in paths:
        for run in _runs_at(path):
            runs.setdefault(run.work_dir.resolve(), run)
    if not runs:
        raise ValueError(_nothing(paths))
    return list(runs.values())


def unread_lines(ledger: Path) -> int:
    """How many lines of a ledger cannot be read: torn, or of another version.

    ``read_ledger`` says in the log what is wrong with each.
    """
    lines = [line for line in ledger.read_bytes().split(b"\n") if line.strip()]
    return len(lines) - len(read_ledger(ledger))


def _nothing(paths: Sequence[Path]) -> str:
    ledgers = [path if path.is_file() else path / LEDGER for path in paths]
    unread = sum(
        unread_lines(path) for path in ledgers if path.name == LEDGER and path.is_file()
    )
    listed = ", ".join(map(str, paths[:3])) or "no path given"
    if unread:
        return (
            f"no runs there ({listed}): {unread} lines of {LEDGER} cannot be read, and "
            f"the log says why"
        )
    return (
        f"no runs there ({listed}): give work directories of tools/train.py, the "
        f"folder of a sweep, or another folder with a {LEDGER}"
    )


def _expand(source: str | Path) -> list[Path]:
    path = Path(source)
    if path.exists():
        return [path]
    found = sorted(glob.glob(str(source)))  # noqa: PTH207 - of absolute patterns, too
    if not found:
        raise FileNotFoundError(f"{source} does not exist, and fits nothing as pattern")
    return [Path(each) for each in found]


def _runs_at(path: Path) -> Iterator[RunRecord]:
    if path.is_file():
        if path.name == LEDGER:
            yield from _of_ledger(path)
        return
    ledger = path / LEDGER
    if ledger.is_file():
        yield from _of_ledger(ledger)
        return
    beside = path.resolve().parent / LEDGER
    told = _of_ledger(beside) if beside.is_file() else ()
    mine = [run for run in told if run.work_dir.resolve() == path.resolve()]
    yield from mine or _without_record(path)


def _of_ledger(ledger: Path) -> Iterator[RunRecord]:
    """Runs of a ledger, of which some may be under way again, or have no line yet."""
    folder = ledger.parent
    records = read_ledger(ledger)
    known = {record["id"] for record in records}
    states = [read_run(path.parent) for path in sorted(folder.glob(f"*/{RUN}"))]
    # A dead process left "running" there; its line says better how it ended.
    ended = {state["id"]: state for state in pending_runs(folder)}
    for state in filter(None, states):
        if "work_dir" in state and state.get("id") not in known:
            records.append(ended.get(state["id"], state))
    lines: dict[Path, list[Mapping[str, Any]]] = {}
    for record in records:
        # An absolute path stays as it is.
        lines.setdefault(folder / record["work_dir"], []).append(record)
    for work_dir, (*earlier, last) in lines.items():
        yield RunRecord(last, work_dir, ledger, tuple(earlier))


def _without_record(path: Path) -> Iterator[RunRecord]:
    """A folder that holds a run of which no ledger tells."""
    state = read_run(path)
    if state is not None:
        yield RunRecord(state, path)
    elif any(any(path.glob(sign)) for sign in SIGNS):
        why = (
            f"no {LEDGER} beside it tells of it: trained by a version that kept none; "
            f"train it again"
        )
        yield RunRecord({"run": path.name, "how": "not recorded", "why": why}, path)
