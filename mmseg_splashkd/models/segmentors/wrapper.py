"""A segmentor that trains another one, and is that one in all other respects."""

from collections.abc import Iterator
from typing import Any, ClassVar

from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS
from mmseg.utils import ConfigType, OptConfigType, OptSampleList, SampleList
from torch import Tensor, nn

from mmseg_splashkd.models.segmentors.checks import check_of_student
from mmseg_splashkd.models.segmentors.student_names import (
    load_as_student,
    plain_name,
    save_as_student,
)


class StudentWrapper(BaseSegmentor):
    """Base of segmentors that train ``student`` in a way of their own.

    Inference, checkpoint keys and names of parameters are those of the student. What
    a training needs beside it is one module, named by ``training_part``: it is trained
    and moved with the model, but is no part of the ``state_dict``. ``DistillLossHook``
    stores it in checkpoints of its own key.

    Args:
        student: Config of an encoder-decoder segmentor, or of a cascade.
        data_preprocessor: Config used where the student's has none.
        train_cfg: None; ``mmseg.apis.init_model`` passes it to any model. The student
            has its own.
        pretrained: None; as ``train_cfg``. Weights to start from are named by
            ``student.backbone.init_cfg``.

    Raises:
        ValueError: ``train_cfg`` or ``pretrained`` is given.
    """

    training_part: ClassVar[str]

    def __init__(
        self,
        student: ConfigType,
        data_preprocessor: OptConfigType = None,
        train_cfg: None = None,
        pretrained: None = None,
    ) -> None:
        given = {"train_cfg": train_cfg, "pretrained": pretrained}
        check_of_student(type(self).__name__, **given)
        if data_preprocessor is not None:
            student = {"data_preprocessor": data_preprocessor, **student}
        model = MODELS.build(student)
        super().__init__(data_preprocessor=model.data_preprocessor)
        self.student = model
        self._register_state_dict_hook(save_as_student)
        self._register_load_state_dict_pre_hook(load_as_student, with_module=True)

    # The student, as MMSegmentation uses it.

    @property
    def backbone(self) -> nn.Module:
        """The student's backbone."""
        return self.student.backbone

    @property
    def decode_head(self) -> nn.Module:
        """The student's decode head; a ``ModuleList`` of a cascade."""
        return self.student.decode_head

    @property
    def align_corners(self) -> bool:
        """``align_corners`` of the student, for upsampling its logits."""
        return self.student.align_corners

    @property
    def num_classes(self) -> int:
        """Number of classes C."""
        return self.student.num_classes

    @property
    def out_channels(self) -> int:
        """Number of logits per pixel: C, or 1 for two classes."""
        return self.student.out_channels

    def extract_feat(self, inputs: Tensor) -> list[Tensor]:
        """Features of the student for (B, 3, H, W) images."""
        return self.student.extract_feat(inputs)

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Logits (B, C, H, W) of the student for (B, 3, H, W) images."""
        return self.student.encode_decode(inputs, batch_img_metas)

    def predict(self, inputs: Tensor, data_samples: OptSampleList = None) -> SampleList:
        """Predictions of the student."""
        return self.student.predict(inputs, data_samples)

    def _forward(self, inputs: Tensor, data_samples: OptSampleList = None) -> Tensor:
        return self.student(inputs, data_samples, mode="tensor")

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, nn.Parameter]]:
        """Parameters of the student by the names that they have on its own.

        The names are those of checkpoints. Rules of optimizers that look for the first
        part of a name, as layer-wise learning rates do, hold for the student as for a
        plain one. Parameters of the ``training_part`` follow under its name.

        Args:
            prefix: Put before all names.
            recurse: Whether to go into submodules; there are no others here.
            remove_duplicate: Whether a shared parameter is named once.
        """
        start = f"{prefix}." if prefix else ""
        own = super().named_parameters(prefix, recurse, remove_duplicate)
        for name, parameter in own:
            yield plain_name(name, start), parameter

    def part(self) -> Any:
        """The module that is needed in training only."""
        return getattr(self, self.training_part)
