"""Exports the best and the last checkpoint as tensors-only files."""

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.checkpoint import (
    SUFFIX,
    not_finite,
    read_checkpoint,
    write_weights,
)
from mmseg_splashkd.evaluation.operating_point import (
    OPERATING_POINT,
    point_of_weights,
)
from mmseg_splashkd.hooks.classes_hook import classes_of
from mmseg_splashkd.hooks.frame_scores_hook import keep_best
from mmseg_splashkd.models.bare_model import bare_model
from mmseg_splashkd.models.heads.positional_segformer_head import position_embedding_of
from mmseg_splashkd.models.teacher.renormalise import normalisation

EXPORTED_META = ("run", "experiment", "seed", "iter", "position_embedding")
EXPORTED_META += ("normalisation", OPERATING_POINT)
LAST, BEST = "last", "best"


@HOOKS.register_module()
class ExportWeightsHook(Hook):
    """Write a tensors-only file beside the best and the last checkpoint.

    ``weights_<run>_best.safetensors`` and ``weights_<run>_last.safetensors`` hold the
    weights of the checkpoints of the same iteration, for loops by iteration and by
    epoch, with and without validation. Their metadata describes the training;
    ``operating_point`` is that of these weights, if they were validated (see
    ``evaluation.operating_point.note_operating_point``). ``<run>`` is the name at the
    first start of the run, also after it was resumed.
    """

    priority = "LOWEST"  # after CheckpointHook

    def __init__(self) -> None:
        self._exported: dict[str, tuple[str, int]] = {}
        self._last: tuple[Path, int] | None = None  # file and iteration

    def before_train(self, runner: Runner) -> None:
        """Store the run's name, unless a resumed run has one.

        Raises:
            ValueError: ``save_best`` names several metrics, so that the best checkpoint
                is ambiguous.
        """
        for hook in runner.hooks:
            if isinstance(hook, CheckpointHook) and hook.save_best:
                _check_one_best(hook.key_indicators)
        if runner.message_hub.get_info("run_name") is None:
            name = runner.cfg.get("run_name") or Path(runner.work_dir).name
            runner.message_hub.update_info("run_name", name)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add properties of the run to the checkpoint's metadata."""
        meta = checkpoint["meta"]
        meta["run"] = runner.message_hub.get_info("run_name")
        meta["experiment"] = runner.cfg.get("experiment")
        model = bare_model(runner.model)
        meta["position_embedding"] = position_embedding_of(model)
        meta["normalisation"] = normalisation(model)
        point = runner.message_hub.get_info(OPERATING_POINT)
        meta[OPERATING_POINT] = point_of_weights(point, meta["iter"])

    def after_train_iter(self, runner: Runner, *_, **__) -> None:
        """Export the last checkpoint, if one was written by iteration."""
        self._export(runner, LAST)

    def after_train_epoch(self, runner: Runner, *_, **__) -> None:
        """Export the last checkpoint, if one was written by epoch."""
        self._export(runner, LAST)

    def after_val_epoch(self, runner: Runner, *_, **__) -> None:
        """Export the best checkpoint, if one was written.

        The last checkpoint of this iteration was exported before its validation: its
        operating point is added.
        """
        if self._export(runner, BEST) == runner.iter:
            keep_best(runner.work_dir)
        # CheckpointHook writes the last checkpoint again beside a new best one.
        self._export(runner, LAST)
        self._add_point(runner)

    def after_train(self, runner: Runner, *_, **__) -> None:
        """Export the last checkpoint, if one was written at an early stop."""
        self._export(runner, LAST)

    def _export(self, runner: Runner, which: str) -> int | None:
        """Export a new checkpoint and return its iteration; None if there is none."""
        source = runner.message_hub.get_info(f"{which}_ckpt")
        if source is None or not is_main_process() or not Path(source).is_file():
            return None
        written = (source, Path(source).stat().st_mtime_ns)
        if self._exported.get(which) == written:
            return None
        checkpoint = read_checkpoint(source, own=True)
        if names := not_finite(checkpoint["state_dict"]):
            runner.logger.error(
                f"{source} is not exported: {names[0]} and {len(names) - 1} other "
                f"tensors are not finite"
            )
            return None
        meta = {key: checkpoint["meta"].get(key) for key in EXPORTED_META}
        meta["dataset_meta"] = _about_classes(runner.train_dataloader)
        target = Path(runner.work_dir) / f"weights_{meta['run']}_{which}{SUFFIX}"
        if which not in self._exported:
            meta[OPERATING_POINT] = meta[OPERATING_POINT] or _point_beside(target, meta)
        write_weights(checkpoint["state_dict"], target, meta)
        self._exported[which] = written
        if which == LAST:
            self._last = target, meta["iter"]
        return meta["iter"]

    def _add_point(self, runner: Runner) -> None:
        """Add the operating point to the last weights if it was chosen with them."""
        if self._last is None:
            return
        path, iteration = self._last
        point = runner.message_hub.get_info(OPERATING_POINT)
        if (point := point_of_weights(point, iteration)) is not None:
            weights = read_checkpoint(path, own=True)
            meta = {**weights["meta"], OPERATING_POINT: point}
            if meta != weights["meta"]:
                write_weights(weights["state_dict"], path, meta)


def _about_classes(loader: Any) -> dict[str, Any]:
    """Names of the classes, and their colours if they have any."""
    palette = loader.dataset.metainfo.get("palette")
    colours = [[int(value) for value in colour] for colour in palette or ()]
    about = {"classes": classes_of(loader)}
    return about | ({"palette": colours} if colours else {})


def _point_beside(path: Path, meta: dict[str, Any]) -> dict[str, Any] | None:
    """The operating point in an earlier export of the same weights.

    A resumed run exports the checkpoint it started from once more, and that checkpoint
    was written before its validation.
    """
    if not path.is_file():
        return None
    earlier = read_checkpoint(path, own=True)["meta"]
    same = earlier.get("iter") == meta["iter"]
    return earlier.get(OPERATING_POINT) if same else None


def _check_one_best(metrics: list[str]) -> None:
    if len(metrics) > 1:
        raise ValueError(
            f"default_hooks.checkpoint.save_best={metrics} names several metrics, but "
            f"the exported weights are selected by one: name one"
        )
