"""Tests the teacher before training starts."""

import copy
from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.evaluation.calibration import HIGHEST, LOWEST, is_at_end
from mmseg_splashkd.hooks.frame_scores_hook import FrameScoresHook
from mmseg_splashkd.hooks.teacher_report import measure_teacher, write_report
from mmseg_splashkd.models import DistillSegmentor
from mmseg_splashkd.models.bare_model import bare_model
from mmseg_splashkd.models.teacher.controls import UNTRAINED

INFO = "teacher_gate"  # key in the message hub, and so in checkpoints


@HOOKS.register_module()
class TeacherGateHook(Hook):
    """Test the teacher before the first step, and refuse one below the floor.

    The metrics are logged, written to ``teacher.json`` in the work directory and stored
    in the checkpoints, so that a resumed run reuses them. The fitted temperature is
    passed to the distillation loss. For a cached teacher, the metrics stored in the
    cache are used. The conditions are the model's ``teacher_gate``; an untrained
    teacher (``teacher_control``) need not be better than one class everywhere. Other
    models than ``DistillSegmentor`` are ignored, and labels in the teacher's place.
    """

    def before_train(self, runner: Runner) -> None:
        """Test the teacher, store its metrics and check them.

        Raises:
            ValueError: The teacher regresses maps; its weights or outputs are not
                finite; it is not better than ``teacher_gate.floor``, or without one,
                hardly better than one class everywhere; a metric of ``teacher_gate``
                does not exist, or a floor or a fitted temperature is configured without
                validation frames.
        """
        model: Any = bare_model(runner.model)
        if not isinstance(model, DistillSegmentor) or model.labels is not None:
            return
        if model.regresses:
            raise ValueError(
                "TeacherGateHook tests teachers of classes, and this one regresses "
                "maps: remove it from custom_hooks"
            )
        report = _report_of(runner, model)
        if report is None:
            runner.logger.warning(_check_untested(model))
            return
        _log(runner, report)
        runner.message_hub.update_info(INFO, dict(report))
        write_report(runner.work_dir, report)
        if model.teacher_gate.floor:
            model.teacher_gate.check_floor(report["metrics"])
        elif model.control.kind == UNTRAINED:
            runner.logger.warning(
                f"the teacher is untrained (teacher_control={UNTRAINED!r}): whether it "
                f"is better than one class everywhere is not checked"
            )
        elif (unchecked := model.teacher_gate.check_skill(report)) is not None:
            runner.logger.warning(unchecked)
        if (small := model.teacher_gate.small_leads(report["metrics"])) is not None:
            runner.logger.warning(small)
        model.distill_loss.set_fitted_temperature(report["temperature"])


def _report_of(runner: Runner, model: Any) -> dict[str, Any] | None:
    stored = runner.message_hub.get_info(INFO)
    if runner.iter > 0 and stored is not None:
        return stored
    if not model.has_teacher:
        return model.teacher_report
    if runner.val_loop is None:
        return None
    loader: Any = runner.val_dataloader
    runner.logger.info(
        f"testing the teacher on {len(loader.dataset)} validation frames"
    )
    try:
        return measure_teacher(model, loader, _metrics_of(runner), _focus_of(runner))
    except ValueError as error:  # such as of weights that allow=['finite'] let pass
        faults = [fault for rule, fault in model.teachers.faults if rule == "finite"]
        if not faults:
            raise
        raise ValueError(
            f"the teacher cannot be tested ({error}), as {'; '.join(faults)}"
        ) from error


def _focus_of(runner: Runner) -> str | None:
    hooks = [hook for hook in runner.hooks if isinstance(hook, FrameScoresHook)]
    return hooks[0].focus_class if hooks else None


def _metrics_of(runner: Runner) -> Any:
    """Configs of the validation metrics, or fresh copies of the metrics."""
    configs = runner.cfg.get("val_evaluator")
    loop: Any = (
        runner.val_loop
    )  # the only source if the runner was built without a config
    return copy.deepcopy(loop.evaluator.metrics) if configs is None else configs


def _check_untested(model: Any) -> str:
    """The warning about an untested teacher, if no option depends on its metrics.

    Raises:
        ValueError: A fitted temperature or a floor is configured.
    """
    cause = "there is no val_dataloader: set it with val_cfg and val_evaluator"
    if not model.has_teacher:
        cause = (
            "the teacher's cache holds no figures: run tools/cache_teacher.py again, "
            "with a val_dataloader"
        )
    if model.distill_loss.needs_fitted_temperature:
        raise ValueError(
            f"temperature='fitted' is fitted on the validation part, and {cause}, or "
            f"give a number"
        )
    if model.teacher_gate.floor:
        model.teacher_gate.refuse(
            "floor",
            f"model.teacher_gate.floor={dict(model.teacher_gate.floor)} is compared on "
            f"the validation part, and {cause}",
        )
    return f"the teacher was not tested: {cause}"


def _log(runner: Runner, report: Mapping[str, Any]) -> None:
    figures = "  ".join(
        f"{key}: {value:.4f}" for key, value in report["metrics"].items()
    )
    temperature = report["temperature"]
    skill = "".join(
        f"  {key}: {report[key]:.4f}"
        for key in ("skill", "trivial_skill")
        if key in report  # not in an older cache
    )
    runner.logger.info(
        f"teacher on {report['frames']} validation frames  {figures}  "
        f"ece: {report['ece']:.4f}  temperature: {temperature:.4f}  "
        f"ece_at_temperature: {report['ece_at_temperature']:.4f}{skill}"
    )
    if is_at_end(temperature):
        runner.logger.warning(
            f"the teacher's temperature {temperature:g} is an end of [{LOWEST:g}, "
            f"{HIGHEST:g}], not a minimum: the teacher makes no error on the "
            f"validation part, or is not better than chance",
        )
