"""A segmentor trained on a labelled source and on frames of a target."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from mmengine.logging import MessageHub
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import ConfigType, OptConfigType, SampleList
from torch import Tensor

from mmseg_splashkd.datasets.source_target import TARGET
from mmseg_splashkd.models.adaptation.methods.method import AdaptationMethod, Step
from mmseg_splashkd.models.segmentors.checks import check_segmentor, check_task
from mmseg_splashkd.models.segmentors.outputs import forward_outputs
from mmseg_splashkd.models.segmentors.own_losses import own_losses
from mmseg_splashkd.models.segmentors.temporal import field_images
from mmseg_splashkd.models.segmentors.wrapper import StudentWrapper


@MODELS.register_module()
class AdaptationSegmentor(StudentWrapper):
    """Train ``student`` on labels of a source and, by a method, on target frames.

    In all other respects it is the student: same inference, same checkpoint keys, so
    that a checkpoint of the plain student is the start (``load_from``), and a
    checkpoint of the adapted one needs nothing of the adaptation. Training needs a
    ``SourceTargetDataset``.

    Args:
        student: Config of an encoder-decoder segmentor, or of a cascade.
        method: Config of an ``AdaptationMethod``, such as ``MinEntropy``.
        data_preprocessor: Config used where the student's has none.
        train_cfg: None; see ``StudentWrapper``.
        pretrained: None; see ``StudentWrapper``.

    Raises:
        ValueError: A decode head does not return plain logits, the student regresses,
            has one class or a training loss of its own, or the preprocessor changes
            images after they are drawn.
    """

    training_part: ClassVar[str] = "method"

    def __init__(
        self,
        student: ConfigType,
        method: ConfigType,
        data_preprocessor: OptConfigType = None,
        train_cfg: None = None,
        pretrained: None = None,
    ) -> None:
        super().__init__(student, data_preprocessor, train_cfg, pretrained)
        check_segmentor(self.student, "student", trained=True)
        check_task(self.student, "student", regresses=False)
        _check_student(self.student)
        if getattr(self.data_preprocessor, "batch_augments", None) is not None:
            raise ValueError(
                "data_preprocessor.batch_augments changes images after they are drawn, "
                "and not those of the target: move it into the pipeline"
            )
        self.method: AdaptationMethod = MODELS.build(method)
        self.method.bind(self.student)

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Losses of the student on the source, and of the method.

        Args:
            inputs: (B, 3, H, W) normalised images of the source.
            data_samples: B samples with ``gt_sem_seg`` (1, H, W) and ``target``
                (3, H', W').

        Raises:
            RuntimeError: The samples carry no images of a target.
            ValueError: Images of the target are padded.
        """
        outputs = forward_outputs(self.student, inputs)
        losses = own_losses(self.student, outputs, data_samples)
        step = Step(
            network=self.student,
            images=inputs,
            samples=data_samples,
            labels=_labels(data_samples),
            source=outputs,
            targets=self._targets(data_samples),
            iteration=MessageHub.get_current_instance().get_info("iter", 0),
        )
        return losses | self.method(step)

    def _targets(self, data_samples: Sequence[Any]) -> Tensor:
        if any(TARGET not in sample for sample in data_samples):
            raise RuntimeError(
                "an AdaptationSegmentor needs images of a target, and the samples "
                "carry none: wrap the training data set in a SourceTargetDataset"
            )
        images = field_images(self.data_preprocessor, data_samples, TARGET)
        drawn = {tuple(sample.get(TARGET).data.shape[-2:]) for sample in data_samples}
        if drawn != {tuple(images.shape[-2:])}:
            raise ValueError(
                f"images of the target of {sorted(drawn)} pixels (H, W) are padded to "
                f"{tuple(images.shape[-2:])}, and a method would learn from the added "
                f"pixels: crop or resize them to one size, and set no size of the "
                f"data_preprocessor"
            )
        return images


def _check_student(student: Any) -> None:
    if student.num_classes < 2:
        raise ValueError(
            f"student has {student.num_classes} class, whose entropy is 0 and whose "
            f"labels are all equal: set num_classes=2, for background and foreground"
        )
    if type(student).loss is not EncoderDecoder.loss:
        raise ValueError(
            f"student is a {type(student).__name__}, whose own training loss would be "
            f"left out: name an EncoderDecoder"
        )


def _labels(data_samples: Sequence[Any]) -> Tensor:
    return torch.cat([sample.gt_sem_seg.data for sample in data_samples])
