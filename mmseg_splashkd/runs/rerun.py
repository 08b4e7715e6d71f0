"""Repeats a recorded run, and compares the weights bit for bit."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from rich.console import Console
from rich.table import Table

from mmseg_splashkd.config.training import check_training
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.records.changes import changed_midway, listed
from mmseg_splashkd.records.ledger import read_ledger
from mmseg_splashkd.records.record import FINISHED, RunRecord
from mmseg_splashkd.records.store import Run, find_runs, read_record
from mmseg_splashkd.runs.describe import describe
from mmseg_splashkd.runs.recorded_config import CONFIG, recorded_config, recorded_text
from mmseg_splashkd.runs.resume import CONTENT
from mmseg_splashkd.runs.train import train

SUFFIX = "_rerun"
# May change the bits of the weights.
RELEVANT: dict[str, Callable[[RunRecord], Any]] = {
    "code version": lambda record: record.code.version,
    "code commit": lambda record: record.code.commit,
    "hardware cpu": lambda record: record.hardware.cpu,
    "hardware threads": lambda record: record.hardware.threads,
    "hardware gpus": lambda record: record.hardware.gpus,
}


@dataclass(frozen=True)
class Rerun:
    """A run and its repetition.

    Args:
        before: Record of the run.
        after: Record of the repetition.
        work_dir: Folder of the repetition.
    """

    before: RunRecord
    after: RunRecord
    work_dir: Path

    @property
    def is_equal(self) -> bool | None:
        """Whether the last weights are bit-equal; None if they cannot be compared."""
        before, after = self.before.weights.last, self.after.weights.last
        same_length = self.before.iteration == self.after.iteration
        if before is None or after is None or not same_length:
            return None
        return before.sha256 == after.sha256

    @property
    def verdict(self) -> str:
        """``is_equal`` as a sentence."""
        before, after = self.before.weights.last, self.after.weights.last
        if self.is_equal is None or before is None or after is None:
            return (
                f"The weights cannot be compared: the recorded run ended at iteration "
                f"{self.before.iteration} ({self.before.status}), the repetition at "
                f"{self.after.iteration}."
            )
        digest = after.sha256[:12]
        if self.is_equal:
            return (
                f"The weights are bit-equal to the recorded ones (sha256 {digest}...)."
            )
        return (
            f"The weights differ from the recorded ones (sha256 "
            f"{before.sha256[:12]}..., now {digest}...): docs/records.md lists why "
            f"repeated runs may differ."
        )


def rerun(
    record: str | Path,
    run: str | None = None,
    work_dir: str | Path | None = None,
    allow_changes: bool = False,
    trust: bool = False,
) -> Rerun:
    """Train a recorded run again.

    Args:
        record: Folder of a run, or of several; an old ``records.jsonl``, or a file with
            lines of it.
        run: Name or id of the run; not needed where there is only one.
        work_dir: Folder of the repetition; by default ``<run>_rerun`` beside the run.
            The recorded config is written to this folder.
        allow_changes: Train although frames or teacher have changed.
        trust: Whether the recorded config may name code that is in no registry.

    Returns:
        Both records.

    Raises:
        FileExistsError: The folder of the repetition holds a run.
        FileNotFoundError: There is no such record, or data or teacher are missing.
        ValueError: There is no run of that name or there are several, the record holds
            no config or one that would run code, its folder lies elsewhere, or frames
            or teacher have changed.
    """
    recorded = find_recorded(record, run)
    before = recorded.record
    _use_threads(before)
    name = before.name + SUFFIX
    target = Path(work_dir or _beside(recorded, Path(record)) / name)
    options = _options(before)
    cfg = recorded_config(before, options, trust)
    check_training(cfg)
    _compare(before, cfg, allow_changes)
    write_whole(target / CONFIG, recorded_text(before, trust))
    train(target / CONFIG, target, cfg_options=options, name=name)
    after = read_record(target)
    if after is None:
        raise FileNotFoundError(f"the repetition left no record in {target}")
    return Rerun(before, after, target)


def _beside(recorded: Run, source: Path) -> Path:
    """The folder to write to, which the user has named: an old ledger may name any."""
    folder, named = recorded.work_dir.resolve().parent, source.resolve()
    if not folder.is_relative_to(named.parent):
        raise ValueError(
            f"{source} names {recorded.work_dir} as the folder of {recorded.name}, "
            f"which lies elsewhere: give the folder to write to by --work-dir"
        )
    return recorded.work_dir.parent


def find_recorded(source: str | Path, run: str | None = None) -> Run:
    """Find one run by name or id.

    Args:
        source: Folder of a run, or of several; an old ``records.jsonl``.
        run: Name or id; of an old ledger, id of one start.

    Raises:
        FileNotFoundError: The source does not exist.
        ValueError: There is no run of that name, or there are several.
    """
    runs = _runs(Path(source))
    matches = [r for r in runs if run is None or run in (r.name, r.record.id)]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        names = sorted({each.name for each in runs})
        raise ValueError(f"--run {run}: {source} has no such run, but {_some(names)}")
    if run is None:
        names = sorted({each.name for each in matches})
        raise ValueError(
            f"{source} holds {len(matches)} runs, select one by --run: {_some(names)}"
        )
    lines = "\n".join(
        f"  {each.record.id}  began {each.record.began}  {each.status}"
        for each in matches
    )
    raise ValueError(
        f"--run {run}: {source} holds {len(matches)} records of that name, such as of "
        f"a run that was resumed. Give the id of one:\n{lines}"
    )


def _runs(source: Path) -> list[Run]:
    if source.is_file():  # of a ledger, every start can be repeated
        return [Run(record, folder) for folder, record in read_ledger(source)]
    return find_runs([source])


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return (", ".join(names[:10]) or "none at all") + more


def _options(before: RunRecord) -> dict[str, Any]:
    """Options for settings that the config does not fix: seed and teacher files."""
    options: dict[str, Any] = {}
    if before.seed is not None:
        options["randomness.seed"] = before.seed
    checkpoints = [] if before.teacher is None else list(before.teacher.checkpoints)
    if checkpoints and all(Path(path).is_file() for path in checkpoints):
        one = len(checkpoints) == 1
        options["model.teacher_checkpoint"] = checkpoints[0] if one else checkpoints
    return options


def _compare(before: RunRecord, cfg: Config, allow_changes: bool) -> None:
    after, _ = describe(cfg, CONFIG, {})
    changed = [name for name, of in CONTENT.items() if of(before) != of(after)]
    if changed:
        old, new = before.data.frames, after.data.frames
        counts = "" if old == new else f" (frames were {old}, and are {new})"
        message = f"{' and '.join(changed)} of {before.name} changed since{counts}"
        if not allow_changes:
            raise ValueError(f"{message}. --allow-changes trains on the present ones")
        _warn(message)
    _check_unchanged(before, allow_changes)
    for name, of in RELEVANT.items():
        _warn_of_change(name, of(before), of(after))
    old, new = before.code.sources, after.code.sources
    for name in new if old else ():
        if old.get(name) != new[name]:
            _warn(f"the code of {name}, which builds the network, has changed")
    for name, version in after.host.items():
        _warn_of_change(f"library {name}", before.host.get(name), version)
    if before.code.dirty:
        _warn("the code had changes that are in no commit")
    if before.hardware.processes > 1:
        _warn(f"{before.hardware.processes} processes trained it, now one does")
    if before.status != FINISHED:
        _warn(f"the run was {before.status} at iteration {before.iteration}")


def _check_unchanged(before: RunRecord, allow_changes: bool) -> None:
    """Check that no resumed start has changed what a repetition would do at once."""
    found = changed_midway(before)
    if not found:
        return
    message = (
        f"{before.name} was changed while it was resumed: {listed(found)}. A "
        f"repetition has the last values from the start, and is another run"
    )
    if not allow_changes:
        raise ValueError(f"{message}: --allow-changes trains it all the same")
    _warn(message)


def _warn_of_change(name: str, old: Any, new: Any) -> None:
    if old != new:
        _warn(f"{name} was {old}, and is {new}")


def _warn(text: str) -> None:
    print_log(text, logger="current", level=logging.WARNING)


def _use_threads(before: RunRecord) -> None:
    """Use as many threads as recorded: the order of sums depends on their number."""
    threads = before.hardware.threads
    if threads and not torch.cuda.is_available():
        torch.set_num_threads(threads)


def print_rerun(result: Rerun, console: Console | None = None) -> None:
    """Print the metrics of both runs, and whether their weights are equal."""
    console = console or Console()
    metrics = [record.metrics.last or {} for record in (result.before, result.after)]
    table = Table("last validation", "recorded", "now")
    for name in dict.fromkeys([*metrics[0], *metrics[1]]):
        table.add_row(name, *(_number(each.get(name)) for each in metrics))
    console.print(table)
    console.print(result.verdict, soft_wrap=True, highlight=False)
    console.print(f"Work directory: {result.work_dir}", soft_wrap=True, highlight=False)


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"
