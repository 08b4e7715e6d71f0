"""Hooks that every run of ours has."""

from pathlib import Path
from typing import Any, ClassVar

from mmengine.dist import all_reduce, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_splashkd.checkpoint import (
    SUFFIX,
    load_strict,
    read_checkpoint,
    write_weights,
)
from mmseg_splashkd.datasets.views import seed_all
from mmseg_splashkd.evaluation.operating_point import (
    OPERATING_POINT,
    point_of_weights,
)
from mmseg_splashkd.hooks.frame_scores_hook import keep_best
from mmseg_splashkd.models.bare_model import bare_model
from mmseg_splashkd.models.heads.positional_segformer_head import position_embedding_of
from mmseg_splashkd.models.teacher.teacher import normalisation

EXPORTED_META = ("run", "experiment", "seed", "iter", "position_embedding")
EXPORTED_META += ("normalisation", OPERATING_POINT)
LAST, BEST = "last", "best"


@HOOKS.register_module()
class IterationSeedHook(Hook):
    """Make dropout of every iteration a function of (seed, rank, iteration).

    Together with ``ViewSampler`` a resumed run then meets the same randomness as an
    uninterrupted one, wherever it stopped: no random state needs to be stored.
    """

    def before_train_iter(self, runner: Runner, *_, **__) -> None:
        """Seed everything."""
        seed_all(runner.seed, runner.rank, runner.iter)


@HOOKS.register_module()
class SyncBatchNormHook(Hook):
    """Keep the running statistics of plain BatchNorm equal on all ranks.

    On GPUs ``sync_bn = 'torch'`` makes them equal; it does not exist for the CPU, where
    each rank would validate, and rank 0 save, statistics of its own.
    """

    priority = "ABOVE_NORMAL"  # before anything averages or saves the model

    def after_train_iter(self, runner: Runner, *_, **__) -> None:
        """Average the statistics over the ranks."""
        if runner.world_size == 1:
            return
        for module in runner.model.modules():
            if isinstance(module, nn.SyncBatchNorm) or not isinstance(
                module, _BatchNorm
            ):
                continue
            for statistic in (module.running_mean, module.running_var):
                if statistic is not None:
                    all_reduce(statistic, "mean")


@HOOKS.register_module()
class DistillLossHook(Hook):
    """Carry what a distillation loss learns (projectors) through a resume.

    It is no part of the student, whose weights alone are the model's state.
    """

    KEY: ClassVar = "distill_loss"

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Put its weights beside the student's."""
        if (loss := _distill_loss(runner)) is not None and loss.state_dict():
            checkpoint[self.KEY] = loss.state_dict()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Take them back where a run is resumed.

        Raises:
            RuntimeError: They are missing, or do not fit.
        """
        loss, resumes = _distill_loss(runner), "optimizer" in checkpoint
        if loss is not None and resumes and runner.cfg.get("resume"):
            load_strict(loss, checkpoint.get(self.KEY, {}), "distill_loss")


def _distill_loss(runner: Runner) -> Any:
    return getattr(bare_model(runner.model), "distill_loss", None)


def classes_of(loader: Any) -> list[str]:
    """Class names of a data loader's data set."""
    return list(loader.dataset.metainfo.get("classes") or [])


@HOOKS.register_module()
class ExportWeightsHook(Hook):
    """Write a tensors-only file beside the best and the last checkpoint.

    ``weights_<run>_best.safetensors`` and ``weights_<run>_last.safetensors`` hold the
    same weights as the checkpoint, and how they were made. ``operating_point`` is the
    one that was chosen with these weights, if they were validated; see
    :func:`~mmseg_splashkd.evaluation.operating_point.note_operating_point`.
    ``<run>`` is the run's name as it began, also after a resume on another day.
    """

    priority = "LOWEST"  # after CheckpointHook

    def __init__(self) -> None:
        self._exported: dict[str, tuple[str, int]] = {}
        self._last: tuple[Path, int] | None = None  # with its iteration

    def before_train(self, runner: Runner) -> None:
        """Remember the run's name, which a resumed run already has."""
        if runner.message_hub.get_info("run_name") is None:
            name = runner.cfg.get("run_name") or Path(runner.work_dir).name
            runner.message_hub.update_info("run_name", name)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note in the checkpoint what its weights do not tell."""
        meta = checkpoint["meta"]
        meta["run"] = runner.message_hub.get_info("run_name")
        meta["experiment"] = runner.cfg.get("experiment")
        model = bare_model(runner.model)
        meta["position_embedding"] = position_embedding_of(model)
        meta["normalisation"] = normalisation(model)
        point = runner.message_hub.get_info(OPERATING_POINT)
        meta[OPERATING_POINT] = point_of_weights(point, meta["iter"])

    def after_train_iter(self, runner: Runner, *_, **__) -> None:
        """Export the last checkpoint, where one was just written."""
        self._export(runner, LAST)

    def after_val_epoch(self, runner: Runner, *_, **__) -> None:
        """Export the best checkpoint, where one was just written.

        The last one of this iteration was exported before it was validated: its
        operating point is added.
        """
        if self._export(runner, BEST) == runner.iter:
            keep_best(runner.work_dir)
        # The host writes the last checkpoint again beside a new best one.
        if self._export(runner, LAST) is None:
            self._add_point(runner)

    def _export(self, runner: Runner, which: str) -> int | None:
        """Export a checkpoint that is not yet, and return its iteration."""
        source = runner.message_hub.get_info(f"{which}_ckpt")
        if source is None or not is_main_process() or not Path(source).is_file():
            return None
        written = (source, Path(source).stat().st_mtime_ns)
        if self._exported.get(which) == written:
            return None
        checkpoint = read_checkpoint(source)
        meta = {key: checkpoint["meta"].get(key) for key in EXPORTED_META}
        meta["dataset_meta"] = {"classes": classes_of(runner.train_dataloader)}
        target = Path(runner.work_dir) / f"weights_{meta['run']}_{which}{SUFFIX}"
        if which not in self._exported:
            meta[OPERATING_POINT] = meta[OPERATING_POINT] or _point_beside(target, meta)
        write_weights(checkpoint["state_dict"], target, meta)
        self._exported[which] = written
        if which == LAST:
            self._last = target, meta["iter"]
        return meta["iter"]

    def _add_point(self, runner: Runner) -> None:
        """Add the operating point to the last weights, if it was chosen with them."""
        if self._last is None:
            return
        path, iteration = self._last
        point = runner.message_hub.get_info(OPERATING_POINT)
        if (point := point_of_weights(point, iteration)) is not None:
            weights = read_checkpoint(path)
            meta = {**weights["meta"], OPERATING_POINT: point}
            write_weights(weights["state_dict"], path, meta)


def _point_beside(path: Path, meta: dict[str, Any]) -> dict[str, Any] | None:
    """The operating point in an older export of the same weights.

    A resumed run exports the checkpoint that it began from again, which was written
    before it was validated.
    """
    if not path.is_file():
        return None
    known = read_checkpoint(path)["meta"]
    return known.get(OPERATING_POINT) if known.get("iter") == meta["iter"] else None
