"""One training run, from the command line or from Python."""

import itertools
import logging
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.config.data_check import check_data
from mmseg_splashkd.config.devices import (
    leave_distributed,
    prepare_distributed,
    slow_precision,
    use_mixed_precision,
)
from mmseg_splashkd.config.faults import parts_of
from mmseg_splashkd.config.naming import latest_run, run_name
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.text import text_values, values_text
from mmseg_splashkd.config.training import check_training
from mmseg_splashkd.config.types import distills
from mmseg_splashkd.hooks import (
    DistillLogHook,
    EarlyStopHook,
    FiniteGuardHook,
    FinitePredictionsHook,
    MadeUpValidationHook,
    NoteValidationHook,
    ResumedEpochHook,
    SchedulerStateHook,
    StopSignalHook,
)
from mmseg_splashkd.hooks.stop_request import stop_by_signals
from mmseg_splashkd.records.changes import listed, with_changes
from mmseg_splashkd.records.names import is_file_name
from mmseg_splashkd.records.record import Change, RunRecord
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.records.traces import (
    begins_again,
    how_to_go_on,
    resumable,
    trace_of_run,
)
from mmseg_splashkd.runs.describe import describe
from mmseg_splashkd.runs.dry_pass import DryPassHook
from mmseg_splashkd.runs.full_drive import resumable_after_full_drive
from mmseg_splashkd.runs.lost_rank import watched_ranks
from mmseg_splashkd.runs.needed_hooks import add_needed_hooks
from mmseg_splashkd.runs.out_of_memory import lack_of_memory_named
from mmseg_splashkd.runs.recorder import is_writer, processes, recorded
from mmseg_splashkd.runs.resume import check_resumed, rates_end_early
from mmseg_splashkd.runs.runner import SafeRunner
from mmseg_splashkd.runs.trackers import check_trackers, use_trackers
from mmseg_splashkd.teacher_cache import use_teacher_cache

WORK_DIRS = Path("work_dirs")
NEEDED = (
    FiniteGuardHook,
    FinitePredictionsHook,
    EarlyStopHook,
    NoteValidationHook,
    ResumedEpochHook,
    StopSignalHook,
    MadeUpValidationHook,
    SchedulerStateHook,
)
_run_counter = itertools.count()


@stop_by_signals()
def train(
    config: str | Path,
    work_dir: str | Path | None = None,
    resume: bool = False,
    amp: bool = False,
    launcher: str = "none",
    cfg_options: dict[str, Any] | None = None,
    name: str | None = None,
    restart: bool = False,
) -> Path:
    """Train the model of a config, and record the run in its work directory.

    SIGINT (Ctrl-C), SIGTERM, SIGHUP and SIGUSR1 end it after the present step, with a
    checkpoint, and before the first step at once (see ``StopSignalHook``).

    Args:
        config: Config file.
        work_dir: Folder the run writes to; by default ``work_dirs/<run name>``.
        resume: Continue from the newest checkpoint of the work directory that is
            whole; begin again a run that was killed before its first one.
        amp: Mixed precision: ``AmpOptimWrapper`` of MMEngine on a GPU, bfloat16 by
            ``CPUAmpOptimWrapper`` on a CPU.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        cfg_options: Dotted config keys to override.
        name: Name of the run; by default config, day and teacher_ratio. A resumed run
            keeps the name that it began with.
        restart: Begin again in the folder of a run whose outputs have been removed; its
            record counts among the earlier starts.

    Returns:
        The work directory.

    Raises:
        FileExistsError: The work directory holds a trace of a run, and ``resume`` is
            not given, or another process trains in it.
        FileNotFoundError: There is nothing to resume, or data or the teacher's file are
            missing.
        ImportError: A tracker of the config is not installed.
        UnwritableError: A file cannot be written, such as on a full drive; earlier
            ones stay.
        MemoryError: A data-loading worker was killed, or no memory is left.
        ValueError: The config cannot train (see ``check_training``), its data have
            errors (see ``check_data``), its ``teacher_cache`` does not belong to it,
            or a resumed run has options that its checkpoint overrides (see
            ``check_resumed``).
        Terminated: A signal ended the run; a ``KeyboardInterrupt``.
        NotFiniteError: Loss, weights or predictions are not finite (see
            ``FiniteGuardHook`` and ``FinitePredictionsHook``).
    """
    cfg = read_config(config, cfg_options)
    if amp:
        use_mixed_precision(cfg)
    check_trackers(cfg)
    check_training(cfg)
    with parts_of(cfg):  # they build data sets
        warnings = [f"data check: {finding}" for finding in check_data(cfg)]
        # Before the config is changed for this run alone: tools/rerun.py needs it so.
        writes = is_writer(launcher)
        description = describe(cfg, config, cfg_options) if writes else None
    warnings += slow_precision(cfg)
    add_needed_hooks(cfg)
    cfg.launcher = launcher
    cfg.resume = resume or bool(cfg.get("resume"))
    warnings += use_teacher_cache(cfg)
    prepare_distributed(cfg, launcher)
    _name_run(cfg, work_dir, name)
    if description is not None:  # before the others read what this process writes
        record, frames = description
        hardware = replace(record.hardware, processes=processes(launcher))
        record = replace(record, hardware=hardware)
        changes, told = _check_work_dir(cfg, record, restart)
        warnings += told
        description = replace(record, changes=changes), frames
    use_trackers(cfg)
    try:
        with (
            recorded(cfg, description) as recorder,
            resumable_after_full_drive(cfg.work_dir),
        ):
            runner = SafeRunner.from_cfg(cfg)
            runner.register_hook(DryPassHook())
            if recorder is not None:
                recorder.attach(runner)
            _watch(runner, cfg)
            for warning in warnings:
                runner.logger.warning(warning)
            with watched_ranks(runner, recorder), lack_of_memory_named():
                runner.train()
    except KeyboardInterrupt:
        if description is not None:
            print(f"stopped; {how_to_go_on(cfg.work_dir)}", file=sys.stderr)
        raise
    leave_distributed(launcher)
    return Path(cfg.work_dir)


def _watch(runner: Runner, cfg: Config) -> None:
    """Add the hooks that every run needs, whatever hooks its config names."""
    for kind in (*NEEDED, *((DistillLogHook,) if distills(cfg) else ())):
        if not any(isinstance(hook, kind) for hook in runner.hooks):
            runner.register_hook(kind())


def _name_run(cfg: Config, work_dir: str | Path | None, name: str | None) -> None:
    if name is not None and not is_file_name(name):
        raise ValueError(
            f"name={name!r} must not be a path: --work-dir sets the folder"
        )
    cfg.run_name = name or run_name(cfg, date.today())
    if work_dir is None:
        work_dir = cfg.get("work_dir")
    if work_dir is None and cfg.resume and name is None:
        work_dir = latest_run(cfg, WORK_DIRS)
    cfg.work_dir = str(work_dir or WORK_DIRS / cfg.run_name)
    set_experiment_name(cfg)


def _check_work_dir(
    cfg: Config, description: RunRecord, restart: bool
) -> tuple[tuple[Change, ...], list[str]]:
    """Check that a run may write there; changes of a resumed run, and lines to log."""
    if cfg.resume:
        return _check_resume(cfg, description)
    trace = None if restart else trace_of_run(cfg.work_dir)
    if trace is not None:
        raise FileExistsError(
            f"work_dir={cfg.work_dir!r} holds a run ({trace}), which another would "
            f"overwrite: {how_to_go_on(cfg.work_dir)}; --work-dir names another folder"
        )
    return (), []


def _check_resume(
    cfg: Config, description: RunRecord
) -> tuple[tuple[Change, ...], list[str]]:
    named = cfg.get("load_from")
    source = named or resumable(cfg.work_dir)
    if source is None:
        _check_begins_anew(cfg.work_dir)
    if source is None or not Path(source).is_file():
        return (), []
    meta = read_checkpoint(source, own=True)["meta"]
    folder = Path(source).parent if named else Path(cfg.work_dir)
    before = read_record(folder) or _of_checkpoint(meta)
    if before is None:
        return (), [f"{source} holds no config: changes since then cannot be told"]
    iteration, epoch = meta.get("iter", 0), meta.get("epoch", 0)
    new = check_resumed(before, description, str(source), iteration, epoch)
    changes = with_changes(before.changes, new, iteration)
    now = [each for each in changes if each.iteration == iteration]
    told = [f"resumed with changes: {listed(now)}"] if now else []
    end = rates_end_early(new, description.config_text)
    return changes, [*told, end] if end else told


def _of_checkpoint(meta: Mapping[str, Any]) -> RunRecord | None:
    """What a checkpoint says of its run, in a folder without a record."""
    try:
        text = values_text(text_values(meta["cfg"]))
    except (KeyError, TypeError, ValueError):  # of a config with more than values
        return None
    return RunRecord("", "", "", config_text=text)


def _check_begins_anew(work_dir: str) -> None:
    """Check that there is a run, which was killed before its first checkpoint."""
    trace = trace_of_run(work_dir)
    if not begins_again(work_dir):
        holds = f" ({trace} is there, without a checkpoint that can be read)"
        raise FileNotFoundError(
            f"nothing to resume in work_dir={work_dir!r}{holds if trace else ''}: "
            f"name the run's folder by --work-dir, or leave --resume out to begin"
            f"{' in another folder, or after removing this one' if trace else ''}"
        )
    print_log(
        f"the run in {work_dir} ended before its first checkpoint: it begins again",
        logger="current",
        level=logging.WARNING,
    )


def set_experiment_name(cfg: Config) -> None:
    """Name the logger of this run: mmengine shares loggers of one name."""
    cfg.experiment_name = f"{Path(cfg.work_dir).name}_{next(_run_counter)}"
