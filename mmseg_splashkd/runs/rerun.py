"""Repeating a run from its line alone, and saying whether it came out the same."""

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from rich.console import Console
from rich.table import Table

from mmseg_splashkd.config.reading import check_training, read_config
from mmseg_splashkd.models.teacher.teacher import as_list
from mmseg_splashkd.records.ledger import read_ledger
from mmseg_splashkd.records.run_file import read_run
from mmseg_splashkd.runs.describe import describe
from mmseg_splashkd.runs.train import train

CONFIG = "config.py"
SUFFIX = "_rerun"
# What must be as it was, and where a record holds it.
MUST = (
    ("the split table", "data", "table_sha256"),
    ("the list of training frames", "data", "train_frames_sha256"),
    ("files of frames or labels", "data", "files_sha256"),
    ("the teacher's weights", "teacher", "sha256"),
)
# What may change the bits.
MAY = (
    ("code", "version"),
    ("code", "commit"),
    ("hardware", "cpu"),
    ("hardware", "threads"),
    ("hardware", "gpus"),
)


@dataclass(frozen=True)
class Rerun:
    """A run and its repetition.

    Args:
        before: The record that was repeated.
        after: The record of the repetition.
        work_dir: Of the repetition.
    """

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    work_dir: Path

    @property
    def is_equal(self) -> bool | None:
        """Whether the last weights have the same bits; None: nothing to compare."""
        weights = [record["weights"]["last"] for record in (self.before, self.after)]
        if None in weights or self.before["iteration"] != self.after["iteration"]:
            return None
        return weights[0]["sha256"] == weights[1]["sha256"]

    @property
    def verdict(self) -> str:
        """That in words."""
        if self.is_equal is None:
            return (
                f"The weights cannot be compared: the recorded run ended at iteration "
                f"{self.before['iteration']} ({self.before['how']}), this one at "
                f"{self.after['iteration']}."
            )
        then, now = (
            record["weights"]["last"]["sha256"][:12]
            for record in (self.before, self.after)
        )
        if self.is_equal:
            return f"The weights are bit-equal to the recorded ones (sha256 {now}...)."
        return (
            f"The weights differ from the recorded ones (sha256 {then}..., now "
            f"{now}...): docs/records.md says by what repeated runs may differ."
        )


def rerun(
    record: str | Path,
    run: str | None = None,
    work_dir: str | Path | None = None,
    allow_changes: bool = False,
) -> Rerun:
    """Train again what a line of a ledger tells.

    Args:
        record: A ``records.jsonl``, its folder, or a file with one line of it.
        run: Name or id of the run; not needed where there is one line.
        work_dir: Where the repetition writes; by default ``<run>_rerun`` beside the
            ledger. The recorded config is written there.
        allow_changes: Train though frames or teacher are not what they were.

    Returns:
        Both records.

    Raises:
        FileExistsError: The work directory holds a run.
        FileNotFoundError: There is no such record, or data or teacher are missing.
        ValueError: No run or several are meant, or frames or teacher have changed.
    """
    before = find_record(record, run)
    _use_threads(before)
    folder = Path(record) if Path(record).is_dir() else Path(record).parent
    name = before["run"] + SUFFIX
    target = Path(work_dir or folder / name)
    options = _options(before)
    cfg = _config_of(before, options)
    check_training(cfg)
    _compare(before, cfg, allow_changes)
    target.mkdir(parents=True, exist_ok=True)
    (target / CONFIG).write_text(before["config_text"], encoding="utf-8")
    train(target / CONFIG, target, cfg_options=options, name=name)
    after = read_run(target)
    if after is None:
        raise FileNotFoundError(f"the repetition left no record in {target}")
    return Rerun(before, after, target)


def find_record(source: str | Path, run: str | None = None) -> dict[str, Any]:
    """The one line of a ledger that is meant.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: No line or several are meant.
    """
    records = read_ledger(source)
    found = [r for r in records if run is None or run in (r["run"], r["id"])]
    if len(found) == 1:
        return found[0]
    if not found:
        names = sorted({record["run"] for record in records})
        raise ValueError(f"--run {run}: {source} has no such run, but {_some(names)}")
    if run is None:
        names = sorted({record["run"] for record in found})
        raise ValueError(
            f"{source} holds {len(found)} runs, name one by --run: {_some(names)}"
        )
    lines = "\n".join(
        f"  {record['id']}  began {record['began']}  {record['how']}"
        for record in found
    )
    raise ValueError(
        f"--run {run}: {source} holds {len(found)} lines of that name, such as of a "
        f"run that was resumed. Give the id of one:\n{lines}"
    )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return (", ".join(names[:10]) or "none at all") + more


def _options(before: Mapping[str, Any]) -> dict[str, Any]:
    """What the config does not say, or said by a pattern that may fit others now."""
    options: dict[str, Any] = {}
    if before.get("seed") is not None:
        options["randomness.seed"] = before["seed"]
    checkpoint = (before.get("teacher") or {}).get("checkpoint")
    if checkpoint and all(Path(path).is_file() for path in as_list(checkpoint)):
        options["model.teacher_checkpoint"] = checkpoint
    return options


def _config_of(before: Mapping[str, Any], options: dict[str, Any]) -> Config:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, CONFIG)
        path.write_text(before["config_text"], encoding="utf-8")
        return read_config(path, options)


def _compare(before: Mapping[str, Any], cfg: Config, allow_changes: bool) -> None:
    now, _ = describe(cfg, CONFIG, {})
    changed = [what for what, *keys in MUST if _at(before, *keys) != _at(now, *keys)]
    if changed:
        then, here = (_at(record, "data", "frames") for record in (before, now))
        counts = "" if then == here else f" (frames were {then}, and are {here})"
        told = f"{' and '.join(changed)} of {before['run']} changed since{counts}"
        if not allow_changes:
            raise ValueError(f"{told}. --allow-changes trains on what there is now")
        _warn(told)
    for keys in (*MAY, *(("host", name) for name in now["host"])):
        if (then := _at(before, *keys)) != (here := _at(now, *keys)):
            _warn(f"{' '.join(keys)} was {then}, and is {here}")
    if _at(before, "code", "dirty"):
        _warn("the code had changes that no commit holds")
    if (processes := _at(before, "hardware", "processes") or 1) > 1:
        _warn(f"{processes} processes trained it, and now one will")
    if before["how"] != "finished":
        _warn(f"the run was {before['how']} at iteration {before['iteration']}")


def _at(record: Mapping[str, Any], part: str, key: str) -> Any:
    return (record.get(part) or {}).get(key)


def _warn(text: str) -> None:
    print_log(text, logger="current", level=logging.WARNING)


def _use_threads(before: Mapping[str, Any]) -> None:
    """Sum in the order in which it was summed: that depends on the threads."""
    threads = _at(before, "hardware", "threads")
    if threads and not torch.cuda.is_available():
        torch.set_num_threads(threads)


def tell(result: Rerun, console: Console | None = None) -> None:
    """Print both runs' figures, and whether their weights are the same."""
    console = console or Console()
    figures = [
        record["metrics"]["last"] or {} for record in (result.before, result.after)
    ]
    table = Table("last validation", "recorded", "now")
    for name in dict.fromkeys([*figures[0], *figures[1]]):
        table.add_row(name, *(_number(each.get(name)) for each in figures))
    console.print(table)
    console.print(result.verdict, soft_wrap=True, highlight=False)
    console.print(f"Work directory: {result.work_dir}", soft_wrap=True, highlight=False)


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"
