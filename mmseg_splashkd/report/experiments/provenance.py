"""How runs ended, their conditions, and the commands that repeat them."""

import shlex
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from mmseg_splashkd.records.arms import arm_key
from mmseg_splashkd.records.record import FINISHED, RUNNING, RunRecord
from mmseg_splashkd.records.store import NOT_RECORDED, Run
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.formatting import duration, gib
from mmseg_splashkd.report.scored_runs import LeftOut


class Ending(NamedTuple):
    """How a run ended.

    Attributes:
        name: Name of the run.
        status: ``finished``, ``stopped``, ``failed``, ``killed``, ``running`` or
            ``not recorded``.
        reason: Why it did not finish or is not compared; may be empty.
        compared: Whether the comparison includes the run.
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
    elif record.reason:  # a result, of fewer iterations than asked for
        reason = "; ".join(filter(None, (record.reason, reason)))
    elif run.status == RUNNING:
        reason = "no end is recorded: still running, or killed on another machine"
    if record.attempts:
        earlier = ", ".join(f"{a.status} at {a.iteration:,}" for a in record.attempts)
        reason = f"{reason}; earlier: {earlier}".lstrip("; ")
    cells = (
        (record.began or "")[:16].replace("T", " "),
        duration(record.wall_s),
        _done(record),
        gib(record.memory.rss_mib),
        gib(record.memory.gpu_mib),
    )
    return Ending(run.name, run.status, reason, left_out is None, cells)


def _done(record: RunRecord) -> str:
    of = record.iterations
    if of is None:
        return ""
    done = f"{record.iteration:,}"
    return done if of == record.iteration else f"{done} of {of:,}"


def seconds_of(run: Run) -> float:
    """Training time of a run in seconds, all attempts together."""
    return sum(each.wall_s or 0.0 for each in (*run.record.attempts, run.record))


def conditions(runs: Sequence[Run]) -> dict[str, list[tuple[str, int]]]:
    """Code, versions, hardware and data of the recorded runs.

    Returns:
        Name of the condition -> each value, and the number of runs that have it.
    """
    records = [run.record for run in runs if run.status != NOT_RECORDED]
    values = {
        name: Counter(filter(None, map(of, records))).most_common()
        for name, of in CONDITIONS.items()
    }
    return {name: counted for name, counted in values.items() if counted}


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
    hashes = [f"table {sha[:12]}" for sha in data.table_sha256 if sha]
    hashes += [f"files {data.files_sha256[:12]}"] if data.files_sha256 else []
    source = ", ".join(data.tables) or data.root or ""
    sha = f", SHA-256 of {', '.join(hashes)}" if hashes else ""
    return f"{source}{sha}" if source else ""


def _frames(record: RunRecord) -> str:
    counts = record.data.frames
    return ", ".join(f"{part} {count:,}" for part, count in counts.items() if count)


CONDITIONS: dict[str, Callable[[RunRecord], str]] = {
    "Code": _code,
    "Versions": _versions,
    "Hardware": _hardware,
    "Data": _data,
    "Frames": _frames,
    "Iterations": lambda record: f"{record.iterations:,}" if record.iterations else "",
}


def commands(
    runs: Sequence[Run], arms: Sequence[ArmRuns]
) -> dict[str, dict[str, list[str]]]:
    """The commands that started runs, finished or not, and those that repeat each run.

    Runs of none of the arms are listed under their names.

    Returns:
        Title of the arm -> the command -> for each of its runs, the command that
        repeats it with the config, options and data of its record.
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
            rerun = f"python tools/rerun.py {shlex.quote(str(run.work_dir))}"
            of_arm.setdefault(run.record.command, []).append(rerun)
    return reruns
