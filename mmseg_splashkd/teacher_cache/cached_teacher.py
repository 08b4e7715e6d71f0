"""What stands in for the teacher where its answers are read from disk."""

from typing import Any

import torch
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor

from mmseg_splashkd.models.losses import FocalModulatedKDLoss
from mmseg_splashkd.models.segmentors.outputs import SegOutputs
from mmseg_splashkd.teacher_cache.dataset import FIELD
from mmseg_splashkd.teacher_cache.store import read_header


@MODELS.register_module()
class CachedTeacher:
    """SegOutputs that the samples carry, and what their cache says of the teacher.

    Args:
        folder: Of an ``LogitStore``; read by ``load``, so that a model can be built to
            test without it.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.header: dict[str, Any] = {}

    def load(self, student: EncoderDecoder, loss: FocalModulatedKDLoss) -> None:
        """Read the cache's header and check it against what asks for its answers.

        Raises:
            FileNotFoundError: There is no such cache.
            ValueError: It is damaged, for another class count, holds less than a loss
                needs, or the preprocessor changes views after they are drawn.
        """
        self.header = read_header(self.folder)
        check_batch_augments(student)
        classes = self.header["num_classes"]
        if classes != student.num_classes:
            raise ValueError(
                f"teacher cache {self.folder} answers for {classes} classes, the "
                f"student has {student.num_classes}"
            )
        if self.header["store"] == "margin" and not loss.shift_invariant:
            terms = [term for term in loss.distill_terms if not term.shift_invariant]
            raise ValueError(
                f"teacher cache {self.folder} holds the margin of the two classes "
                f"alone, and {', '.join(type(term).__name__ for term in terms)} needs "
                f"both logits: build it anew with teacher_cache=dict(store='logits')"
            )

    def outputs(self, data_samples: SampleList) -> SegOutputs:
        """Logits (B, C, h, w) that the samples carry.

        Raises:
            RuntimeError: They carry none.
        """
        if FIELD not in data_samples[0]:
            raise RuntimeError(
                "a teacher cache stands in for the teacher, and the samples carry no "
                "answers of it: train_dataloader.dataset must be an "
                "CachedLogitsDataset, which tools/train.py sets where the config has "
                "teacher_cache"
            )
        stored = torch.stack([sample.get(FIELD).data for sample in data_samples])
        return SegOutputs(_logits(stored.float()))


def _logits(stored: Tensor) -> Tensor:
    """(B, C, h, w) from themselves, or from (B, 1, h, w), the margin z1 - z0 alone."""
    if stored.shape[1] > 1:
        return stored
    return torch.cat([torch.zeros_like(stored), stored], dim=1)


def check_batch_augments(student: Any) -> None:
    """Refuse a preprocessor that changes views after they are drawn.

    Raises:
        ValueError: It has ``batch_augments``: no cache could be exact.
    """
    if getattr(student.data_preprocessor, "batch_augments", None) is not None:
        raise ValueError(
            "data_preprocessor.batch_augments changes views after they are drawn, so "
            "no teacher cache can be exact: move it into the pipeline"
        )
