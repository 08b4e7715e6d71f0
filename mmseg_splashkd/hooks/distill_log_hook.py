"""Averages the terms of a distillation in the log, and warns of small ones."""

import re
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.models import DistillSegmentor
from mmseg_splashkd.models.bare_model import bare_model

WINDOW = 100  # iterations
FEWEST = 20  # iterations, of a run that ends within a window
SMALLEST_SHARE = 0.01


@HOOKS.register_module()
class DistillLogHook(Hook):
    """Log all terms of a distillation alike, and warn while the teacher has no weight.

    mmengine averages what is named loss, and shows the last value of anything else:
    here ``label`` and ``loss_label`` are averaged over the same iterations. A warning
    is logged when the teacher's terms fall below ``SMALLEST_SHARE`` of the loss over
    ``WINDOW`` iterations, once until they have been above it again. Other models than
    ``DistillSegmentor`` are ignored.
    """

    def __init__(self) -> None:
        self._is_small = False

    def before_train(self, runner: Runner) -> None:
        """Average the terms over the window of the log."""
        model: Any = bare_model(runner.model)
        if isinstance(model, DistillSegmentor):
            processor = runner.log_processor
            loss = model.distill_loss
            terms = [term.name for term in loss.distill_terms] + loss.label_names
            processor.mean_pattern = averaged(processor.mean_pattern, terms)

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Compare the teacher's terms with the loss at the end of a window."""
        model: Any = bare_model(runner.model)
        is_end = self.every_n_train_iters(runner, WINDOW)
        if not isinstance(model, DistillSegmentor) or not (
            is_end or self.is_last_train_iter(runner)
        ):
            return
        loss = model.distill_loss
        begin = max(runner.iter + 1 - WINDOW, 0)
        if runner.iter + 1 - begin < FEWEST or not (
            loss.uses_teacher(begin) and loss.uses_teacher(runner.iter)
        ):
            return  # by its schedule the teacher has no weight
        share = teacher_share(
            runner.message_hub, [term.name for term in loss.distill_terms]
        )
        is_small = share is not None and share < SMALLEST_SHARE
        if is_small and not self._is_small:
            runner.logger.warning(_advice(share, runner.message_hub, loss.modulate))
        self._is_small = is_small


def averaged(pattern: re.Pattern[str], terms: list[str]) -> re.Pattern[str]:
    """A pattern of averaged names that includes the unweighted terms."""
    own = ("label", "modulation", "acc_student", "acc_teacher", *terms)
    return re.compile(f"{pattern.pattern}|^({'|'.join(map(re.escape, own))})$")


def teacher_share(hub: MessageHub, terms: list[str]) -> float | None:
    """Share of the teacher's terms in the loss over the last ``WINDOW`` iterations.

    Args:
        hub: Message hub with the history of ``train/loss`` and ``train/loss_<term>``.
        terms: Names of the terms.

    Returns:
        A fraction; None where there is no history, or the loss is not above 0.
    """
    total = _mean(hub, "loss")
    parts = [_mean(hub, f"loss_{name}") for name in terms]
    if total is None or not total > 0 or None in parts:
        return None
    return sum(filter(None, parts)) / total


def _mean(hub: MessageHub, name: str) -> float | None:
    history = hub.log_scalars.get(f"train/{name}")
    if history is None:
        return None
    values, _ = history.data
    return float(np.mean(values[-WINDOW:]))


def _advice(share: float | None, hub: MessageHub, modulate: str) -> str:
    text = (
        f"the teacher's terms are {100 * (share or 0):.2g} % of the loss over the last "
        f"iterations (at most {WINDOW}): the student is trained almost on "
        f"labels alone. Raise model.distill_loss.teacher_ratio or the weight of "
        f"its terms"
    )
    m = _mean(hub, "modulation")
    if modulate != "kd" or m is None or m > 0.1:
        return text
    return (
        f"{text}; or set model.distill_loss.modulate='none': the modulation m, which "
        f"multiplies them, is {m:.2g} on average, as on a class of few pixels"
    )
