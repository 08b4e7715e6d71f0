"""Checks that a config can be trained, before anything is built."""

from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.adaptation_check import check_adaptation
from mmseg_splashkd.config.compile_check import check_compile
from mmseg_splashkd.config.counts import check_counts
from mmseg_splashkd.config.data_root import check_data_root
from mmseg_splashkd.config.devices import check_devices
from mmseg_splashkd.config.extras_check import check_optimizer
from mmseg_splashkd.config.head_check import check_heads
from mmseg_splashkd.config.loop_check import check_loops
from mmseg_splashkd.config.temporal_check import check_temporal
from mmseg_splashkd.config.tta import check_tta
from mmseg_splashkd.config.types import distills, reads_teacher
from mmseg_splashkd.models.teacher.controls import SHUFFLED, check_batch, read_control
from mmseg_splashkd.models.teacher.teacher import as_list
from mmseg_splashkd.records.store import run_of_weights


def check_training(cfg: Config) -> None:
    """Check that a config can be trained, before anything is built.

    Raises:
        FileNotFoundError: A data root, ``load_from`` or the teacher's file is missing.
        ValueError: The config has no training loader, a number of iterations, an
            interval or a number of workers is too small, its loop, sampler, schedules
            and checkpoints do not fit, a loss does not fit its head, pairs of frames
            are drawn and not compared or the reverse, the teacher's file is not named,
            a batch of one frame is to be shuffled, or a GPU or a compiler is required
            and there is none.
    """
    if not cfg.get("train_dataloader"):
        raise ValueError("the config has no train_dataloader: it can only be tested")
    check_counts(cfg)
    check_loops(cfg)
    check_heads(cfg)
    check_temporal(cfg)
    check_adaptation(cfg)
    check_devices(cfg)
    check_compile(cfg)
    check_optimizer(cfg)
    check_data_root(cfg, "train_dataloader", "val_dataloader")
    check_tta(cfg)
    if cfg.get("load_from"):
        find_checkpoint(cfg.load_from, "load_from")
    if distills(cfg):
        _check_modulation(cfg)
        if read_control(cfg.model).kind == SHUFFLED:
            check_batch(cfg.train_dataloader.get("batch_size") or 2)
    if reads_teacher(cfg):
        for pattern in as_list(cfg.model.get("teacher_checkpoint")):
            _check_there(pattern)


def _check_there(pattern: str) -> None:
    """Refuse a teacher without a file, and say how a run that left none has ended."""
    try:
        find_checkpoint(pattern, "teacher_checkpoint")
    except FileNotFoundError as error:
        run = run_of_weights(pattern)
        if run is None:
            raise
        how = ": ".join(filter(None, (run.status, run.record.reason)))
        raise FileNotFoundError(
            f"{error}. The run {run.name} is in that folder, without these weights: "
            f"{how}"
        ) from error


def _check_modulation(cfg: Config) -> None:
    """Refuse batches without labelled frames, for which the modulation m would be 0."""
    loader, loss = cfg.train_dataloader, cfg.model.distill_loss
    share = (loader.get("sampler") or {}).get("unlabelled_share")
    by_labels = loss.get("student_error") is None
    modulated = by_labels and loss.get("modulate", "kd") != "none"
    if share and modulated and loader.get("batch_size", 1) * (1 - share) < 1:
        raise ValueError(
            f"unlabelled_share={share} leaves some batches of {loader.batch_size} "
            f"without a label, where modulate={loss.get('modulate', 'kd')!r} sets the "
            f"distillation loss to 0: use a larger batch, a smaller share, or 'none'"
        )
