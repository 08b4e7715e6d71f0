"""The graph of a sweep: teacher of a fold, its cache, its students."""

from pathlib import Path

from mmseg_splashkd.sweep.caches import CacheJob, teacher_options
from mmseg_splashkd.sweep.keys import config_sha256
from mmseg_splashkd.sweep.run_job import RunJob
from mmseg_splashkd.sweep.scheduler import Task
from mmseg_splashkd.sweep.spec import SweepSpec
from mmseg_splashkd.sweep.teachers import TeacherJob, teacher_job
from mmseg_splashkd.sweep.variants import PlannedRun


class Graph:
    """Makes the tasks of planned runs.

    Args:
        spec: Specification of the sweep.
        folder: Folder of the sweep.
    """

    def __init__(self, spec: SweepSpec, folder: Path) -> None:
        self.spec, self.folder = spec, folder
        self._teachers: dict[int | None, TeacherJob] = {}

    def tasks_of(self, run: PlannedRun) -> list[Task]:
        """The task of a run, after those it needs; alone if the run is complete."""
        variant, teacher = run.variant, self._teacher_of(run)
        options = dict(run.options)
        options |= teacher_options(self.spec, variant, run.fold, teacher)
        job = RunJob(
            variant.config,
            options,
            self.folder / run.name,
            variant.options,
            config_sha256(variant.cfg),
            str(self.spec.metric),
            self.spec.predictions,
            self.spec.checkpoints,
            variant.charge,
        )
        tasks: list[Task] = []
        if job.result() is None:
            if teacher is not None:
                where = "" if run.fold is None else f" of fold {run.fold}"
                tasks.append(Task(f"the teacher{where}", teacher, is_run=False))
            if cache := options.get("teacher_cache"):
                built = CacheJob(variant.config, options, Path(cache["dir"]))
                needs = tuple(task.name for task in tasks)
                tasks.append(Task(f"cache {built.folder}", built, needs, is_run=False))
        return [*tasks, Task(run.name, job, tuple(task.name for task in tasks))]

    def _teacher_of(self, run: PlannedRun) -> TeacherJob | None:
        if self.spec.teacher is None or not run.variant.needs_teacher:
            return None
        if run.fold not in self._teachers:
            self._teachers[run.fold] = teacher_job(self.spec, run.fold)
        return self._teachers[run.fold]
