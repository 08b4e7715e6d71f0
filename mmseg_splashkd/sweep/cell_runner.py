"""Running a cell: first what it needs, each in a process of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_splashkd.sweep.answers import AnswersJob, teacher_options
from mmseg_splashkd.sweep.jobs import CellJob
from mmseg_splashkd.sweep.keys import fingerprint
from mmseg_splashkd.sweep.plan import Cell
from mmseg_splashkd.sweep.process import Place, run_in_process
from mmseg_splashkd.sweep.spec import SweepSpec
from mmseg_splashkd.sweep.teachers import teacher_job
from mmseg_splashkd.sweep.units import READING

LOG = "output.log"


@dataclass(frozen=True)
class CellRunner:
    """Runs cells at a place.

    Args:
        spec: Of the sweep.
        folder: Of the sweep.
        place: Where processes run.
    """

    spec: SweepSpec
    folder: Path
    place: Place

    def __call__(
        self,
        cell: Cell,
        report: Callable[[str], object],
        halted: Callable[[], bool],
    ) -> dict[str, Any]:
        """Train and cache the teacher of its fold if need be, then run the cell."""
        *needed, run = self._jobs(cell)
        for job, log in needed:
            if not job.is_done:
                run_in_process(job, log, self.place, report, halted)
        job, log = run
        return run_in_process(job, log, self.place, report, halted)

    def _jobs(self, cell: Cell) -> list[tuple[Any, Path]]:
        jobs: list[tuple[Any, Path]] = []
        with READING:
            learns = teacher_options(self.spec, cell.arm, cell.fold)
            if cell.arm.distils and self.spec.teacher:
                teacher = teacher_job(self.spec, cell.fold)
                jobs.append((teacher, teacher.folder / LOG))
        options = {**cell.options, **learns}
        if cache := options.get("teacher_cache"):
            store = Path(cache["dir"])
            log = store.with_name(f"{store.name}.log")
            jobs.append((AnswersJob(cell.arm.config, options, store), log))
        work_dir = self.folder / cell.name
        run = CellJob(
            cell.arm.config,
            options,
            work_dir,
            (cell.arm.options, fingerprint(cell.arm.cfg)),
            self.spec.predictions,
            self.spec.checkpoints,
        )
        return [*jobs, (run, work_dir / LOG)]
