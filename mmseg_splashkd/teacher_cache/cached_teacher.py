"""Replacement of the teacher model by its logits from disk."""

from functools import cached_property
from typing import Any

import torch
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import SampleList

from mmseg_splashkd.models.losses import FocalModulatedKDLoss
from mmseg_splashkd.models.segmentors.outputs import SegOutputs, class_logits
from mmseg_splashkd.teacher_cache.dataset import FIELD
from mmseg_splashkd.teacher_cache.store import read_header


@MODELS.register_module()
class CachedTeacher:
    """Outputs of the teacher, read from the samples, and the header of its cache.

    Args:
        folder: Folder of a ``LogitStore``. It is read on first use, so that a model can
            be built and tested without the cache.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    @cached_property
    def header(self) -> dict[str, Any]:
        """Header of the cache.

        Raises:
            FileNotFoundError: There is no such cache.
            ValueError: The cache is damaged.
        """
        return read_header(self.folder)

    def load(self, student: EncoderDecoder, loss: FocalModulatedKDLoss) -> None:
        """Check the cache against the student and the loss that use it.

        Raises:
            FileNotFoundError: There is no such cache.
            ValueError: The cache is damaged, has another number of classes, holds only
                margins although a loss needs logits, or the preprocessor changes views
                after they are drawn.
        """
        check_batch_augments(student)
        classes = self.header["num_classes"]
        if classes != student.num_classes:
            raise ValueError(
                f"teacher cache {self.folder} has {classes} classes, the student has "
                f"{student.num_classes}: build a cache for this config"
            )
        if self.header["store"] == "margin" and not loss.shift_invariant:
            terms = [term for term in loss.distill_terms if not term.shift_invariant]
            raise ValueError(
                f"teacher cache {self.folder} holds only the margin of two classes, "
                f"and {', '.join(type(term).__name__ for term in terms)} needs both "
                f"logits: rebuild it with teacher_cache=dict(store='logits')"
            )

    def outputs(self, data_samples: SampleList) -> SegOutputs:
        """Logits (B, C, h, w) in B samples.

        Raises:
            RuntimeError: A sample has no logits.
        """
        if FIELD not in data_samples[0]:
            raise RuntimeError(
                f"the model reads a teacher cache, and the samples have no {FIELD}: "
                f"train_dataloader.dataset must be a CachedLogitsDataset, which "
                f"tools/train.py sets if the config has teacher_cache"
            )
        # Each in float32 first: autocast of a CPU stacks no fp16.
        each = [sample.get(FIELD).data.float() for sample in data_samples]
        stored = torch.stack(each)
        classes = self.header["num_classes"]
        return SegOutputs(class_logits(stored, classes))


def check_batch_augments(student: Any) -> None:
    """Refuse a preprocessor that changes views after they are drawn.

    Raises:
        ValueError: The preprocessor has ``batch_augments``, so that no cache is exact.
    """
    if getattr(student.data_preprocessor, "batch_augments", None) is not None:
        raise ValueError(
            "data_preprocessor.batch_augments changes views after they are drawn, so "
            "no teacher cache is exact: move it into the pipeline"
        )
