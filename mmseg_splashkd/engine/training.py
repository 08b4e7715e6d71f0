"""One training run, the same from the command line, the demo and the tests."""

import itertools
from datetime import date
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.engine.config import check_training, read_config
from mmseg_splashkd.engine.data_check import check_data
from mmseg_splashkd.engine.devices import leave_distributed, prepare_distributed
from mmseg_splashkd.engine.naming import latest_run, run_name
from mmseg_splashkd.engine.runner import SafeRunner
from mmseg_splashkd.engine.teacher_cache import use_teacher_cache

WORK_DIRS = Path("work_dirs")
_run_counter = itertools.count()


def train(
    config: str | Path,
    work_dir: str | Path | None = None,
    resume: bool = False,
    amp: bool = False,
    launcher: str = "none",
    cfg_options: dict[str, Any] | None = None,
) -> Path:
    """Train what a config describes.

    Args:
        config: Config file.
        work_dir: Where the run writes; by default ``work_dirs/<run name>``.
        resume: Continue from the last checkpoint of the work directory.
        amp: Mixed precision (GPU only).
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        cfg_options: Dotted config keys to override.

    Returns:
        The work directory.

    Raises:
        FileExistsError: The work directory holds a run, and ``resume`` is not given.
        FileNotFoundError: There is nothing to resume, or data or the teacher's file are
            missing.
        ValueError: The config asks for what cannot work (see ``check_training``), the
            data would spoil the run (see ``check_data``), or its ``teacher_cache`` does
            not belong to it.
    """
    cfg = read_config(config, cfg_options)
    if amp:
        cfg.optim_wrapper.type = "AmpOptimWrapper"
        cfg.optim_wrapper.loss_scale = "dynamic"
    cfg.launcher = launcher
    cfg.resume = resume
    check_training(cfg)
    warnings = [f"data check: {finding}" for finding in check_data(cfg)]
    warnings += use_teacher_cache(cfg)
    prepare_distributed(cfg, launcher)
    _name_run(cfg, work_dir)
    _check_work_dir(cfg)
    runner = SafeRunner.from_cfg(cfg)
    for warning in warnings:
        runner.logger.warning(warning)
    runner.train()
    leave_distributed(launcher)
    return Path(cfg.work_dir)


def _name_run(cfg: Config, work_dir: str | Path | None) -> None:
    cfg.run_name = run_name(cfg, date.today())
    if work_dir is None:
        work_dir = cfg.get("work_dir")
    if work_dir is None and cfg.resume:
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
    """Keep several runs of one process apart: the host shares logs by this name."""
    cfg.experiment_name = f"{Path(cfg.work_dir).name}_{next(_run_counter)}"
