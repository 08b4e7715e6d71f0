"""Segmentors that are also trained to agree between neighbouring frames."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.logging import MessageHub
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import ConfigType, SampleList
from torch import Tensor

from mmseg_splashkd.datasets.neighbours import NEIGHBOUR, PAIRED
from mmseg_splashkd.models.losses.temporal_loss import TemporalConsistencyLoss
from mmseg_splashkd.models.segmentors.checks import check_segmentor
from mmseg_splashkd.models.segmentors.distill_segmentor import DistillSegmentor
from mmseg_splashkd.models.segmentors.outputs import SegOutputs, forward_outputs
from mmseg_splashkd.models.segmentors.own_losses import own_losses


@MODELS.register_module()
class TemporalEncoderDecoder(EncoderDecoder):
    """``EncoderDecoder`` with a ``temporal_loss`` between neighbouring frames.

    It needs the option ``neighbour`` of ``TimeSplitDataset``, and is in all other
    respects the plain segmentor: same label losses, same inference, same checkpoint.
    The neighbours pass the network on their own, after the frames, so that statistics
    of a batch and dropout of the frames are those of a step without them.

    Args:
        temporal_loss: Config of a ``TemporalConsistencyLoss``.
        **kwargs: Arguments of ``EncoderDecoder``.

    Raises:
        ValueError: The decode head does not return plain logits, or the preprocessor
            changes images after they are drawn.
    """

    def __init__(self, *, temporal_loss: ConfigType, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_segmentor(self, "model", trained=True)
        _check_batch_augments(self)
        self.temporal_loss: TemporalConsistencyLoss = MODELS.build(temporal_loss)

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Losses of ``EncoderDecoder``, and those of ``TemporalConsistencyLoss``.

        Args:
            inputs: (B, K, H, W) normalised images.
            data_samples: B samples with ``gt_sem_seg``, ``neighbour`` and
                ``has_neighbour``.
        """
        outputs = forward_outputs(self, inputs)
        losses = own_losses(self, outputs, data_samples)
        losses.update(
            temporal_losses(
                self.temporal_loss, self, inputs, outputs.logits, data_samples
            )
        )
        return losses


@MODELS.register_module()
class TemporalDistillSegmentor(DistillSegmentor):
    """``DistillSegmentor`` with a ``temporal_loss`` between neighbouring frames.

    The neighbours pass the student only: they need neither a label nor a teacher, and a
    teacher cache of the frames serves with and without them.

    Args:
        temporal_loss: Config of a ``TemporalConsistencyLoss``.
        **kwargs: Arguments of ``DistillSegmentor``.

    Raises:
        ValueError: As for ``DistillSegmentor``, or the preprocessor changes images
            after they are drawn.
    """

    def __init__(self, *, temporal_loss: ConfigType, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _check_batch_augments(self)
        self.temporal_loss: TemporalConsistencyLoss = MODELS.build(temporal_loss)

    def further_losses(
        self, student: SegOutputs, inputs: Tensor, data_samples: SampleList
    ) -> dict[str, Tensor]:
        """Losses of ``TemporalConsistencyLoss``."""
        return temporal_losses(
            self.temporal_loss, self.student, inputs, student.logits, data_samples
        )


def temporal_losses(
    loss: TemporalConsistencyLoss,
    network: Any,
    inputs: Tensor,
    logits: Tensor,
    data_samples: SampleList,
) -> dict[str, Tensor]:
    """Run the network on the neighbours of a batch, and compare.

    Args:
        loss: The loss.
        network: The segmentor that is trained.
        inputs: (B, K, H, W) normalised images of the frames.
        logits: (B, C, h, w) of the frames.
        data_samples: B samples with ``neighbour`` and ``has_neighbour``.

    Returns:
        Terms of the loss; empty while its weight is 0.

    Raises:
        RuntimeError: The samples have no neighbours.
    """
    iteration = MessageHub.get_current_instance().get_info("iter", 0)
    if not loss.uses_neighbours(iteration):
        return {}
    images = neighbours_of(network.data_preprocessor, data_samples)
    is_paired = [bool(sample.get(PAIRED)) for sample in data_samples]
    paired = torch.tensor(is_paired, device=logits.device)
    others = forward_outputs(network, images).logits
    return loss(logits, others, inputs, images, paired, iteration)


def neighbours_of(preprocessor: Any, data_samples: Sequence[Any]) -> Tensor:
    """Images (B, K, H, W) of the neighbours, normalised and padded as the frames.

    Raises:
        RuntimeError: The samples have no neighbours.
    """
    if any(NEIGHBOUR not in sample for sample in data_samples):
        raise RuntimeError(
            "temporal_loss compares each frame with its neighbour in time, and the "
            "samples have none: set neighbour of the TimeSplitDataset in "
            "train_dataloader, such as neighbour='2s'"
        )
    return field_images(preprocessor, data_samples, NEIGHBOUR)


def field_images(preprocessor: Any, data_samples: Sequence[Any], field: str) -> Tensor:
    """Images (B, K, H, W) that samples carry in a field, normalised and padded.

    Args:
        preprocessor: Of the network that they are for.
        data_samples: B samples.
        field: Name of the field, (K, H, W) as they were drawn.
    """
    images = [sample.get(field).data for sample in data_samples]
    # Samples of their own: the preprocessor pads the labels of those that it gets.
    blank = [SegDataSample() for _ in images]
    return preprocessor({"inputs": images, "data_samples": blank}, True)["inputs"]


def _check_batch_augments(model: Any) -> None:
    if getattr(model.data_preprocessor, "batch_augments", None) is not None:
        raise ValueError(
            "data_preprocessor.batch_augments changes images after they are drawn, "
            "each in its own way, so that temporal_loss would compare different "
            "places: move it into the pipeline"
        )
