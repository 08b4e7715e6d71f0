"""How runs ended, what they ran on, and how to repeat them."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_splashkd.report.experiments.arms import ArmRuns, Aside
from mmseg_splashkd.report.experiments.found import RunRecord
from mmseg_splashkd.statistics import stripped

GIB = 1024  # MiB


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    Args:
        name: Of the run.
        how: ``finished``, ``stopped``, ``failed``, ``killed``, ``running`` (no end is
            recorded) or ``not recorded``.
        why: Of that, and why the run has no part in the comparison; may be empty.
        counted: Whether it has.
        cells: Began, took, iterations, peak of memory; for a table.
    """

    name: str
    how: str
    why: str
    counted: bool
    cells: tuple[str, ...]


def endings(runs: Sequence[RunRecord], aside: Sequence[Aside]) -> list[Ending]:
    """How each run ended, those without a part in the comparison first."""
    reasons = {id(each.run): each.why for each in aside}
    found = [_ending(run, reasons.get(id(run))) for run in runs]
    return sorted(found, key=lambda each: each.counted)


def _ending(run: RunRecord, reason: str | None) -> Ending:
    record = run.record
    why = reason or ""
    if run.how != "finished":
        why = record.get("why") or "no end is recorded: at work, or killed elsewhere"
    if run.earlier:
        before = ", ".join(f"{e['how']} at {_done(e)}" for e in run.earlier)
        why = f"{why}; earlier: {before}".lstrip("; ")
    memory = record.get("memory") or {}
    cells = (
        str(record.get("began") or "")[:16].replace("T", " "),
        duration(record.get("wall_s")),
        _done(record),
        _gib(memory.get("rss_mib")),
        _gib(memory.get("gpu_mib")),
    )
    return Ending(run.name, run.how, why, reason is None, cells)


def _done(record: Mapping[str, Any]) -> str:
    done, of = record.get("iteration"), record.get("iterations")
    if done is None or of is None:
        return ""
    return f"{done:,}" if done == of else f"{done:,} of {of:,}"


def _gib(mib: float | None) -> str:
    return "" if mib is None else f"{mib / GIB:.1f} GiB"


def duration(seconds: float | None) -> str:
    """``3 min 10 s``, for people."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def seconds_of(run: RunRecord) -> float:
    """How long it was at work, all attempts together."""
    return sum(each.get("wall_s") or 0.0 for each in (*run.earlier, run.record))


@dataclass(frozen=True)
class Condition:
    """What all runs shared, or in what they differed.

    Args:
        name: Of the condition.
        values: Each with the number of runs that had it.
    """

    name: str
    values: tuple[tuple[str, int], ...]


def conditions(runs: Sequence[RunRecord]) -> list[Condition]:
    """Code, versions, hardware and data of the runs that were recorded."""
    records = [run.record for run in runs if run.record.get("version")]
    found = [
        Condition(name, tuple(Counter(filter(None, map(of, records))).most_common()))
        for name, of in CONDITIONS.items()
    ]
    return [each for each in found if each.values]


def _code(record: Mapping[str, Any]) -> str:
    code = record.get("code") or {}
    commit = f", commit {code['commit'][:12]}" if code.get("commit") else ""
    dirty = " with changes not committed" if code.get("dirty") else ""
    return f"{code.get('version', '?')}{commit}{dirty}" if code else ""


def _versions(record: Mapping[str, Any]) -> str:
    host = record.get("host") or {}
    return ", ".join(f"{name} {version}" for name, version in host.items() if version)


def _hardware(record: Mapping[str, Any]) -> str:
    hardware = record.get("hardware") or {}
    gpus = hardware.get("gpus")
    told = [" ".join(filter(None, map(hardware.get, ("machine", "cpu"))))]
    if hardware.get("cores"):
        told.append(f"{hardware['cores']} cores, threads: {hardware.get('threads')}")
    if hardware.get("memory_gib"):
        told.append(f"{hardware['memory_gib']:.0f} GiB")
    told.append(", ".join(map(str, gpus)) if gpus else "no GPU")
    return "; ".join(filter(None, told)) if hardware else ""


def _data(record: Mapping[str, Any]) -> str:
    data = record.get("data") or {}
    source = data.get("table") or data.get("root")
    hashes = {"table": data.get("table_sha256"), "files": data.get("files_sha256")}
    told = [f"{what} {sha[:12]}" for what, sha in hashes.items() if sha]
    if not source:
        return ""
    return f"{source}, SHA-256 of {', '.join(told)}" if told else str(source)


def _frames(record: Mapping[str, Any]) -> str:
    frames = (record.get("data") or {}).get("frames") or {}
    return ", ".join(f"{part} {count:,}" for part, count in frames.items() if count)


def _iterations(record: Mapping[str, Any]) -> str:
    count = record.get("iterations")
    return "" if count is None else f"{count:,}"


CONDITIONS = {
    "Code": _code,
    "Versions": _versions,
    "Hardware": _hardware,
    "Data": _data,
    "Frames": _frames,
    "Iterations": _iterations,
}


@dataclass(frozen=True)
class Command:
    """How to repeat runs.

    Args:
        command: That began them, as it was given.
        reruns: That repeat each with the config, options and data of its record.
    """

    command: str
    reruns: tuple[str, ...]


def commands(
    runs: Sequence[RunRecord], arms: Sequence[ArmRuns]
) -> dict[str, list[Command]]:
    """Arm -> how to repeat its runs, whether they finished or not."""
    titles = {arm.name: arm.title for arm in arms}
    reruns: dict[str, dict[str, list[str]]] = {}
    for run in runs:
        if run.ledger is not None and run.record.get("command"):
            name = stripped(run.name)
            of_arm = reruns.setdefault(titles.get(name, name), {})
            of_arm.setdefault(run.record["command"], []).append(_rerun(run, run.ledger))
    return {
        arm: [Command(command, tuple(each)) for command, each in of_arm.items()]
        for arm, of_arm in reruns.items()
    }


def _rerun(run: RunRecord, ledger: Path) -> str:
    name = shlex.quote(run.name)
    return f"python tools/rerun.py {shlex.quote(str(ledger))} --run {name}"
