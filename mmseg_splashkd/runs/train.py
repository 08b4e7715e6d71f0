"""One training run, from the command line or from Python."""

import itertools
import signal
from datetime import date
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.data_check import check_data
from mmseg_splashkd.config.devices import leave_distributed, prepare_distributed
from mmseg_splashkd.config.faults import parts_of
from mmseg_splashkd.config.naming import latest_run, run_name
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.training import check_training
from mmseg_splashkd.runs.describe import describe
from mmseg_splashkd.runs.dry_pass import DryPassHook
from mmseg_splashkd.runs.needed_hooks import add_needed_hooks
from mmseg_splashkd.runs.recorder import is_writer, recorded
from mmseg_splashkd.runs.runner import SafeRunner
from mmseg_splashkd.runs.trackers import check_trackers, use_trackers
from mmseg_splashkd.teacher_cache import use_teacher_cache

WORK_DIRS = Path("work_dirs")
_run_counter = itertools.count()


class Terminated(KeyboardInterrupt):
    """SIGTERM ended the run, such as from a batch system at its time limit."""


def stop_on_sigterm() -> None:
    """Let SIGTERM end a run as Ctrl-C does: recorded, and ready to resume."""

    def stop(*_: object) -> None:
        # A second one would interrupt writing the record.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated("SIGTERM")

    signal.signal(signal.SIGTERM, stop)


def train(
    config: str | Path,
    work_dir: str | Path | None = None,
    resume: bool = False,
    amp: bool = False,
    launcher: str = "none",
    cfg_options: dict[str, Any] | None = None,
    name: str | None = None,
) -> Path:
    """Train the model of a config, and record the run in its work directory.

    Args:
        config: Config file.
        work_dir: Folder the run writes to; by default ``work_dirs/<run name>``.
        resume: Continue from the last checkpoint of the work directory.
        amp: Mixed precision (GPU only).
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        cfg_options: Dotted config keys to override.
        name: Name of the run; by default config, day and teacher_ratio. A resumed run
            keeps the name that it began with.

    Returns:
        The work directory.

    Raises:
        FileExistsError: The work directory holds a run, and ``resume`` is not given, or
            another process trains in it.
        FileNotFoundError: There is nothing to resume, or data or the teacher's file are
            missing.
        ImportError: A tracker of the config is not installed.
        OSError: The record cannot be written, such as on a full drive; weights stay.
        ValueError: The config cannot train (see ``check_training``), its data have
            errors (see ``check_data``), or its ``teacher_cache`` does not belong to
            it.
    """
    cfg = read_config(config, cfg_options)
    if amp:
        cfg.optim_wrapper.type = "AmpOptimWrapper"
        cfg.optim_wrapper.loss_scale = "dynamic"
    check_trackers(cfg)
    check_training(cfg)
    with parts_of(cfg):  # they build data sets
        warnings = [f"data check: {finding}" for finding in check_data(cfg)]
        # Before the config is changed for this run alone: tools/rerun.py needs it so.
        writes = is_writer(launcher)
        description = describe(cfg, config, cfg_options) if writes else None
    add_needed_hooks(cfg)
    cfg.launcher = launcher
    cfg.resume = resume
    warnings += use_teacher_cache(cfg)
    prepare_distributed(cfg, launcher)
    _name_run(cfg, work_dir, name)
    _check_work_dir(cfg)
    use_trackers(cfg)
    with recorded(cfg, description) as recorder:
        runner = SafeRunner.from_cfg(cfg)
        runner.register_hook(DryPassHook())
        if recorder is not None:
            recorder.attach(runner)
        for warning in warnings:
            runner.logger.warning(warning)
        runner.train()
    leave_distributed(launcher)
    return Path(cfg.work_dir)


def _name_run(cfg: Config, work_dir: str | Path | None, name: str | None) -> None:
    if name is not None and Path(name).name != name:
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


def _check_work_dir(cfg: Config) -> None:
    holds_run = Path(cfg.work_dir, "last_checkpoint").is_file()
    if holds_run and not cfg.resume:
        raise FileExistsError(
            f"work_dir={cfg.work_dir!r} holds a run, which another would overwrite: "
            f"--resume continues it, --work-dir names another place"
        )
    if cfg.resume and not holds_run and cfg.get("load_from") is None:
        raise FileNotFoundError(
            f"nothing to resume in work_dir={cfg.work_dir!r}: name the run's folder by "
            f"--work-dir, or leave --resume out to begin"
        )


def set_experiment_name(cfg: Config) -> None:
    """Name the logger of this run: mmengine shares loggers of one name."""
    cfg.experiment_name = f"{Path(cfg.work_dir).name}_{next(_run_counter)}"
