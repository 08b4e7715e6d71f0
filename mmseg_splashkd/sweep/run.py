"""Start or continue a sweep, and run it to its end."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mmseg_splashkd.sweep.budget import STEPS
from mmseg_splashkd.sweep.budgeted import Budgeted, check_budget
from mmseg_splashkd.sweep.checks import (
    check_frames,
    check_spec,
    check_variants,
    complete,
    direction_of,
)
from mmseg_splashkd.sweep.cluster import Cluster, Resources
from mmseg_splashkd.sweep.execute import execute
from mmseg_splashkd.sweep.graph import Graph
from mmseg_splashkd.sweep.progress import Progress, Row
from mmseg_splashkd.sweep.scheduler import Scheduler, Task
from mmseg_splashkd.sweep.search import Search
from mmseg_splashkd.sweep.spec import FILE, Sweep, SweepSpec, read_sweep, write_sweep
from mmseg_splashkd.sweep.variants import (
    in_order,
    runs_of,
    variant_at,
    variants_of_grid,
)
from mmseg_splashkd.unwritable import writing

WORK_DIRS = Path("work_dirs")
LOCK = ".sweep.lock"


def run_sweep(
    spec: SweepSpec,
    out: str | Path | None = None,
    resources: Resources | None = None,
) -> int:
    """Start or continue a sweep.

    Args:
        spec: Specification of the sweep.
        out: Folder of the sweep; by default ``work_dirs/sweep_<config>_<MMDD>``, or the
            latest of these with the same specification.
        resources: Machines, CPUs and GPUs of the runs; by default this machine.

    Returns:
        0; 1 if a run failed or is left.

    Raises:
        BlockingIOError: Another process runs the sweep of this folder.
        FileNotFoundError: A config, a table, data or a teacher does not exist.
        ValueError: The specification cannot be run (see ``check_spec``), no cluster can
            be joined at the address, or the folder holds another sweep.
    """
    spec = complete(spec)
    requested = Sweep(spec, date.today(), check_spec(spec))
    requested = Sweep.from_json(requested.to_json(), "the command line")
    folder = Path(out) if out else _default_folder(requested)
    _check_same(read_sweep(folder), requested, folder)
    if spec.search is None:
        variants = variants_of_grid(spec, requested.began)
        check_variants(variants)
        if spec.budget != STEPS:
            check_budget(spec, variants)
    warnings = check_frames(spec)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _only_driver(folder):
        existing = read_sweep(folder)
        _check_same(existing, requested, folder)
        if existing is None:
            write_sweep(folder, requested)
        # The names of its runs contain the day on which it began.
        began = existing.began if existing else requested.began
        return _run(spec, began, folder, resources or Resources(), warnings)


def _default_folder(requested: Sweep) -> Path:
    """The latest folder with the same specification, or a new one."""
    stem = Path(requested.spec.configs[0]).stem
    paths = sorted(
        WORK_DIRS.glob(f"sweep_{stem}_[0-9][0-9][0-9][0-9]/{FILE}"),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    for path in paths:
        existing = read_sweep(path.parent)
        if existing is not None and not existing.differences(requested):
            return path.parent
    return WORK_DIRS / f"sweep_{stem}_{requested.began:%m%d}"


def _check_same(existing: Sweep | None, requested: Sweep, folder: Path) -> None:
    if existing is not None and (differs := existing.differences(requested)):
        raise ValueError(
            f"{folder} holds another sweep:\n  " + "\n  ".join(differs) + "\n"
            "To continue it, repeat the command that started it; to start another one, "
            "give another --out"
        )


@contextmanager
def _only_driver(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / LOCK)
    try:
        with writing(lock.lock_file):
            lock.acquire(blocking=False)
    except Timeout as error:
        raise BlockingIOError(
            f"{folder} is locked: another tools/sweep.py runs this sweep. One driver "
            f"uses all machines; to add some, start it with --address"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _run(
    spec: SweepSpec,
    began: date,
    folder: Path,
    resources: Resources,
    warnings: list[str],
) -> int:
    graph = Graph(spec, folder)
    scheduler = Scheduler(Cluster(resources), folder)
    growing: Search | Budgeted | None = None
    rows = list[Row]()
    if spec.search:
        growing = _search(spec, began, folder, graph)
    elif spec.budget != STEPS:
        growing = Budgeted(spec, began, folder, graph)
    if growing is not None:
        growing.extend(scheduler)
    else:
        variants = variants_of_grid(spec, began)
        rows = [(v.name, [run.name for run in runs_of(spec, v)]) for v in variants]
        for run in in_order(spec, variants):
            scheduler.add(graph.tasks_of(run))
    progress = Progress(
        scheduler,
        lambda: growing.rows() if growing else rows,
        str(spec.metric),
        folder,
        growing.total if growing else sum(len(names) for _, names in rows),
    )
    for warning in warnings:
        progress.print(f"warning: {warning}")
    if scheduler.is_open:
        with progress:
            _execute(scheduler, growing, progress)
    elif growing is not None:
        _tell(growing, progress)
    return progress.conclude()


def _search(spec: SweepSpec, began: date, folder: Path, graph: Graph) -> Search:
    def tasks_at(point: Mapping[str, Any], label: str) -> list[Task]:
        variant = variant_at(spec, began, spec.configs[0], point, label)
        runs = runs_of(spec, variant)
        return [task for run in runs for task in graph.tasks_of(run)]

    return Search(spec, folder, direction_of(spec), tasks_at)


def _execute(
    scheduler: Scheduler, growing: Search | Budgeted | None, progress: Progress
) -> None:
    """Run tasks until none is left, or until a signal."""

    def on_step() -> None:
        if growing is not None:
            growing.extend(scheduler)
            _tell(growing, progress)
        progress.update()

    execute(scheduler, on_step)


def _tell(growing: Search | Budgeted, progress: Progress) -> None:
    progress.total = growing.total
    for line in growing.news():
        progress.print(line)
