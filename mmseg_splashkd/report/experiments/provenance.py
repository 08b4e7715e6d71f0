"""How runs ended, their conditions, and the commands that repeat them."""

import shlex
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from mmseg_splashkd.records.arms import arm_key
from mmseg_splashkd.records.record import FINISHED, RUNNING, Attempt, RunRecord
from mmseg_splashkd.records.store import NOT_RECORDED, Run
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.formatting import duration, gib
from mmseg_splashkd.report.scored_runs import LeftOut


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    Args:
        name: Name of the run.
        status: ``finished``, ``stopped``, ``failed``, ``killed``, ``running`` or
            ``not recorded``.
        reason: Why it did not finish or is not compared; may be empty.
        compared: Whether it takes part in the comparison.
        cells: Start, duration, iterations, peak memory of process and GPU, as text.
    """

    name: str
    status: str
    reason: str
    compared: bool
    cells: tuple[str, ...]


def endings(runs: Sequence[Run], left_out: Sequence[LeftOut]) -> list[Ending]:
    """How each run ended, runs that are left out first."""
    reasons = {id(each.run): each.reason for each in left_out}
    rows = [_ending(run, reasons.get(id(run))) for run in runs]
    return sorted(rows, key=lambda row: row.compared)


def _ending(run: Run, left_out: str | None) -> Ending:
    record = run.record
    reason = left_out or ""
    if run.status != FINISHED and record.reason:
        reason = record.reason
    elif run.status == RUNNING:
        reason = "no end is recorded: still running, or killed on another machine"
    if record.attempts:
        earlier = ", ".join(f"{a.status} at {_done(a)}" for a in record.attempts)
        reason = f"{reason}; earlier: {earlier}".lstrip("; ")
    cells = (
        (record.began or "")[:16].replace("T", " "),
        duration(record.wall_s),
        _done(record),
        gib(record.memory.rss_mib),
        gib(record.memory.gpu_mib),
    )
    return Ending(run.name, run.status, reason, left_out is None, cells)


def _done(run: RunRecord | Attempt) -> str:
    of = run.iterations if isinstance(run, RunRecord) else None
    if isinstance(run, RunRecord) and of is None:
        return ""
    done = f"{run.iteration:,}"
    return done if of in (None, run.iteration) else f"{done} of {of:,}"


def seconds_of(run: Run) -> float:
    """Training time of a run in seconds, all attempts together."""
    return sum(each.wall_s or 0.0 for each in (*run.record.attempts, run.record))


@dataclass(frozen=True)
class Condition:
    """A condition that runs share, or in which they differ.

    Args:
        name: Name of the condition.
        values: Each value and the number of runs that have it.
    """

    name: str
    values: tuple[tuple[str, int], ...]


def conditions(runs: Sequence[Run]) -> list[Condition]:
    """Code, versions, hardware and data of the recorded runs."""
    records = [run.record for run in runs if run.status != NOT_RECORDED]
    rows = [
        Condition(name, tuple(Counter(filter(None, map(of, records))).most_common()))
        for name, of in CONDITIONS.items()
    ]
    return [row for row in rows if row.values]


def _code(record: RunRecord) -> str:
    code = record.code
    if code.version is None and code.commit is None:
        return ""
    commit = f", commit {code.commit[:12]}" if code.commit else ""
    dirty = " with uncommitted changes" if code.dirty else ""
    return f"{code.version or '?'}{commit}{dirty}"


def _versions(record: RunRecord) -> str:
    return ", ".join(f"{name} {v}" for name, v in record.host.items() if v)


def _hardware(record: RunRecord) -> str:
    hardware = record.hardware
    parts = [" ".join(filter(None, (hardware.machine, hardware.cpu)))]
    if hardware.cores:
        parts.append(f"{hardware.cores} cores, threads: {hardware.threads}")
    if hardware.memory_gib:
        parts.append(f"{hardware.memory_gib:.0f} GiB")
    parts = list(filter(None, parts))
    if not parts and not hardware.gpus:
        return ""
    return "; ".join([*parts, ", ".join(hardware.gpus) or "no GPU"])


def _data(record: RunRecord) -> str:
    data = record.data
    source = ", ".join(data.tables) or data.root
    if not source:
        return ""
    hashes = [f"table {sha[:12]}" for sha in data.table_sha256 if sha]
    hashes += [f"files {data.files_sha256[:12]}"] if data.files_sha256 else []
    return f"{source}, SHA-256 of {', '.join(hashes)}" if hashes else source


def _frames(record: RunRecord) -> str:
    counts = record.data.frames
    return ", ".join(f"{part} {count:,}" for part, count in counts.items() if count)


def _iterations(record: RunRecord) -> str:
    return "" if record.iterations is None else f"{record.iterations:,}"


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
    """Commands that repeat runs.

    Args:
        command: The command that started them.
        reruns: For each run, the command that repeats it with the config, options and
            data of its record.
    """

    command: str
    reruns: tuple[str, ...]


def commands(runs: Sequence[Run], arms: Sequence[ArmRuns]) -> dict[str, list[Command]]:
    """Title of the arm -> commands that repeat its runs, whether they finished or not.

    Runs of none of the arms are listed under their names.
    """
    titles: dict[Hashable, str] = {}
    for arm in arms:
        for run in arm.runs.values():
            titles[id(run)] = titles[arm_key(run.record)] = arm.title
    reruns: dict[str, dict[str, list[str]]] = {}
    for run in runs:
        if run.record.command:
            of_recipe = titles.get(arm_key(run.record), run.name)
            of_arm = reruns.setdefault(titles.get(id(run), of_recipe), {})
            place = shlex.quote(str(run.work_dir))
            rerun = f"python tools/rerun.py {place}"
            of_arm.setdefault(run.record.command, []).append(rerun)
    return {
        arm: [Command(command, tuple(each)) for command, each in of_arm.items()]
        for arm, of_arm in reruns.items()
    }
