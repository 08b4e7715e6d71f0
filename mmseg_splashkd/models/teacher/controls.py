"""Controls that tell what a teacher adds: other answers in the place of its own.

A gain over the plain student is due to the teacher only where it is also a gain over
the same loss with one-hot labels, with a teacher's answers to other frames, and with a
teacher that has learnt nothing.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmseg_splashkd.models.segmentors.outputs import SegOutputs
from mmseg_splashkd.models.teacher.labels import LABELS

SHUFFLED, UNTRAINED = "shuffled", "untrained"
CONTROLS = (SHUFFLED, UNTRAINED)
# Options of a distillation that need a teacher, for the errors.
OF_TEACHER = (
    "teacher_checkpoint",
    "class_mapping",
    "teacher_precision",
    "ensemble",
    "teacher_gate",
    "teacher_cache",
    "teacher_control",
)


@dataclass(frozen=True)
class TeacherControl:
    """What stands in the place of a trained teacher's answers; see ``read_control``.

    Args:
        kind: ``'labels'``, ``'shuffled'``, ``'untrained'``; None: nothing, it is the
            teacher.
        seed: Seed >= 0 of the weights of an untrained teacher; 0 for the others.
    """

    kind: str | None = None
    seed: int = 0

    @property
    def has_weights(self) -> bool:
        """Whether the weights of a trained teacher are read."""
        return self.kind not in (LABELS, UNTRAINED)


def read_control(model: Any) -> TeacherControl:
    """Read and check the control that a distillation names.

    Args:
        model: Arguments of a ``DistillSegmentor`` by name.

    Raises:
        ValueError: ``teacher_control`` is unknown, its seed is no integer >= 0, or an
            option beside it has no effect.
    """
    labels = model.get("teacher") == LABELS
    kind, seed = model.get("teacher_control"), model.get("teacher_seed")
    if kind is not None and kind not in CONTROLS:
        raise ValueError(
            f"model.teacher_control must be one of {CONTROLS}, got {kind!r}; labels in "
            f"the teacher's place are teacher={LABELS!r}"
        )
    if seed is not None and (
        isinstance(seed, bool) or not isinstance(seed, int) or seed < 0
    ):
        raise ValueError(f"model.teacher_seed must be an integer >= 0, got {seed!r}")
    if labels:
        _refuse(
            model, (*OF_TEACHER, "teacher_seed"), f"teacher={LABELS!r} has no model"
        )
        return TeacherControl(LABELS)
    if kind == UNTRAINED:
        why = f"teacher_control={UNTRAINED!r} takes weights of teacher_seed"
        _refuse(model, ("teacher_checkpoint",), why)
    else:
        why = f"it seeds the weights of teacher_control={UNTRAINED!r}"
        _refuse(model, ("teacher_seed",), why)
    _refuse(model, ("label_margin",), f"it is for teacher={LABELS!r}")
    return TeacherControl(kind, seed or 0)


def _refuse(model: Any, names: Sequence[str], why: str) -> None:
    """Refuse options without effect."""
    for name in names:
        if model.get(name) is not None:
            raise ValueError(
                f"model.{name}={model[name]!r} has no effect: {why}. Leave it out"
            )


def without_pretrained(config: Any) -> Any:
    """Config of a teacher, or of several, that names no weights to start from.

    Neither an ``init_cfg`` with a file nor ``pretrained`` of a module. That of a
    network of transformers stays, because it gives the settings, too; see
    ``FrozenTeacher.draw_weights``.
    """
    copied = copy.deepcopy(config)
    _remove_files(copied)
    return copied


def _remove_files(node: Any) -> None:
    if isinstance(node, dict):
        if "checkpoint" in str(node.get("init_cfg")):
            node["init_cfg"] = None
        if "type" in node and node.get("pretrained"):
            node["pretrained"] = False if node["pretrained"] is True else None
        node = list(node.values())
    for child in node if isinstance(node, list | tuple) else ():
        _remove_files(child)


def shuffled(outputs: SegOutputs, samples: Sequence[Any]) -> SegOutputs:
    """Give every frame of a batch the answer to another one.

    The batch is rolled by the smallest shift that gives the fewest frames an answer to
    another view of themselves: none where all frames differ, and few in a batch that
    repeats some. It depends on the frames of the batch only, and so is the same after
    resuming, with a cache and without.

    Args:
        outputs: Outputs of the teacher for B frames, of equal sizes.
        samples: Their B data samples, which name their images.

    Raises:
        ValueError: There is one frame.
    """
    frames = [sample.get("img_path") for sample in samples]
    check_batch(len(frames))
    shift = min(
        range(1, len(frames)),
        key=lambda by: sum(
            a == b for a, b in zip(frames, _rolled(frames, by), strict=True)
        ),
    )
    return outputs.rolled(shift)


def _rolled(frames: Sequence[Any], shift: int) -> list[Any]:
    return [*frames[-shift:], *frames[:-shift]]


def check_batch(size: int) -> None:
    """Check that a batch has another frame for each.

    Raises:
        ValueError: It has one frame.
    """
    if size < 2:
        raise ValueError(
            f"teacher_control={SHUFFLED!r} gives every frame the answer to another one "
            f"of its batch, and a batch has {size}: set train_dataloader.batch_size=2 "
            f"or more, with drop_last=True where the last batch of an epoch is smaller"
        )
