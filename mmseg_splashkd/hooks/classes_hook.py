"""Checks that data, model, teacher and ``save_best`` agree on the classes."""

from typing import Any

from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.evaluation.operating_point import METRIC
from mmseg_splashkd.models import DistillSegmentor
from mmseg_splashkd.models.bare_model import bare_model


@HOOKS.register_module()
class ClassesHook(Hook):
    """Check the classes of a run before its first step."""

    priority = "VERY_HIGH"  # before a batch is passed, whose errors say less

    def before_train(self, runner: Runner) -> None:
        """Check data, model, teacher and ``save_best``.

        Raises:
            ValueError: They do not agree, and ``teacher_gate`` does not allow it.
        """
        classes = classes_of(runner.train_dataloader)
        _check_count(runner, classes)
        _check_teacher(runner, classes)
        _check_best(runner, classes)

    def before_test(self, runner: Runner) -> None:
        """Check data and model.

        Raises:
            ValueError: Their class counts differ.
        """
        _check_count(runner, classes_of(runner.test_dataloader))


def classes_of(loader: Any) -> list[str]:
    """Class names of a data loader's data set; empty without class names."""
    return list(loader.dataset.metainfo.get("classes") or [])


def _check_count(runner: Runner, classes: list[str]) -> None:
    count = getattr(bare_model(runner.model), "num_classes", len(classes))
    if count != len(classes):
        raise ValueError(
            f"the model has {count} classes, the data set {len(classes)}: {classes}. "
            f"Set decode_head.num_classes and decode_head.out_channels to "
            f"{len(classes)}"
        )


def _check_teacher(runner: Runner, classes: list[str]) -> None:
    model = bare_model(runner.model)
    if isinstance(model, DistillSegmentor):
        check_teacher_classes(model, classes)


def check_teacher_classes(model: DistillSegmentor, classes: list[str]) -> None:
    """Check that a teacher was trained on the classes of the data set.

    Args:
        model: Distiller whose teacher is loaded.
        classes: Class names of the data set, in order.

    Raises:
        ValueError: The names differ, and the model's ``teacher_gate`` does not allow
            it.
    """
    # A class_mapping assigns classes by index, independent of their names.
    trained = model.teacher_classes if model.class_mapping is None else None
    if trained and list(trained) != classes:
        model.teacher_gate.refuse(
            "classes",
            f"the teacher's classes are {trained}, the data set's {classes}: give "
            f"class_mapping, the teacher's class index for each class of the student",
        )


def _check_best(runner: Runner, classes: list[str]) -> None:
    hooks = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
    for key in hooks[0].key_indicators if hooks and hooks[0].save_best else ():
        name = key.partition(".")[2]
        if name and key != METRIC and name not in classes:
            raise ValueError(
                f"default_hooks.checkpoint.save_best={key!r} names a class that the "
                f"data set does not have: {classes}. Set it to mIoU or Dice.<class>"
            )
