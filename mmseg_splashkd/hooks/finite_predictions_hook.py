"""Ends a run whose predictions are NaN, though its weights are finite."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.hooks.not_finite import NotFiniteError
from mmseg_splashkd.hooks.stop_request import any_process

FIELDS = ("seg_logits", "pred_depth_map")  # (C, H, W) of a sample


@HOOKS.register_module()
class FinitePredictionsHook(Hook):
    """End a validation or test whose predictions are NaN or positive infinity.

    The last step before a validation may leave weights that are finite and so large
    that the network overflows: no loss follows that would show it, and the argmax of
    NaN is a class, usually the background, which gives a Dice. Predictions without
    logits, as of test-time augmentation, are not checked. A logit of minus infinity
    excludes a class and is legal.
    """

    priority = "HIGH"  # before scores are written and the best is selected

    def __init__(self) -> None:
        self._frames: list[str] = []

    def before_val_epoch(self, runner: Runner) -> None:
        """Forget the frames of the validation before."""
        self._frames = []

    before_test_epoch = before_val_epoch

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Note the frames whose logits or maps (C, H, W) are not finite."""
        self._frames += [_name(each) for each in outputs or () if _is_broken(each)]

    after_test_iter = after_val_iter

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Refuse the metrics of predictions that are not finite.

        Raises:
            NotFiniteError: They are not, in this process or in another.
        """
        if not any_process(bool(self._frames)):  # all processes end at once
            return
        where = "in another process"
        if self._frames:
            where = f"{len(self._frames)} frames, the first is {self._frames[0]}"
        at = f" at iteration {runner.iter}" if runner.iter else ""
        raise NotFiniteError(
            f"predictions are not finite{at}",
            f"{where}. The weights are so large "
            f"that the network overflows, and its metrics mean nothing: the run that "
            f"trained them diverged. Train with a lower optim_wrapper.optimizer.lr",
        )

    after_test_epoch = after_val_epoch


def _is_broken(sample: Any) -> bool:
    predicted = (getattr(sample, field, None) for field in FIELDS)
    return any(
        bool((torch.isnan(each.data) | torch.isposinf(each.data)).any())
        for each in predicted
        if each is not None
    )


def _name(sample: Any) -> str:
    return str(sample.metainfo.get("img_path", "without a name"))
