"""A layer that torch computes wrongly in bfloat16 is named; the others pass."""

import pytest
import torch
from torch import Tensor, nn

from mmseg_splashkd.models import CPUAmpOptimWrapper
from mmseg_splashkd.models.bf16_check import WrongLayerError, checked_layers
from mmseg_splashkd.models.teacher.teacher import FrozenTeacher
from tests.models.builders import build, distiller, fcn, random_batch, segformer


def wide() -> dict:
    """A SegFormer of 32 channels: torch computes those of 8 wrongly on some CPUs."""
    config = segformer(in_channels=[32] * 4)
    config["backbone"]["embed_dims"] = 32
    return config


class Wrong(nn.Conv2d):
    """Wrong in bfloat16, forwards or backwards."""

    def __init__(self, backwards: bool, channels: int = 8, kernel: int = 3) -> None:
        super().__init__(8, channels, kernel)
        self.backwards = backwards

    def forward(self, images: Tensor) -> Tensor:
        output = super().forward(images)
        if output.dtype != torch.bfloat16:
            return output
        return output * 2 - output.detach() if self.backwards else 2 * output


def images() -> Tensor:
    return torch.randn(2, 8, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("backwards", "part"), [(False, "output"), (True, "gradient of the input")]
)
def test_a_wrong_layer_is_named(backwards, part):
    network = nn.Sequential(nn.Conv2d(8, 8, 1), Wrong(backwards))
    text = rf"computes 1 \(Wrong.* wrongly in bfloat16 .* its {part} differs .* 100%"
    with (
        pytest.raises(WrongLayerError, match=text),
        torch.autocast("cpu", torch.bfloat16),
        checked_layers(network),
    ):
        network(images())
    network(images())  # it is checked inside only


def test_a_layer_that_is_not_finite_is_named():
    class Broken(nn.Conv2d):
        def forward(self, images: Tensor) -> Tensor:
            output = super().forward(images)
            return output * float("nan" if output.dtype == torch.bfloat16 else 1)

    network = Broken(8, 8, 3).requires_grad_(False)
    with (
        pytest.raises(WrongLayerError, match=r"its output differs .* nan%"),
        torch.autocast("cpu", torch.bfloat16),
        checked_layers(nn.Sequential(network)),
    ):
        network(images())


def test_layers_that_round_pass_and_keep_no_gradient():
    network = nn.Sequential(nn.Conv2d(8, 8, 1), nn.ConvTranspose2d(8, 4, 2, 2))
    with torch.autocast("cpu", torch.bfloat16), checked_layers(network):
        network(images())
    assert all(each.grad is None for each in network.parameters())


def test_the_first_step_checks_and_no_other():
    network = nn.Sequential(Wrong(backwards=False))
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    wrapper = CPUAmpOptimWrapper(optimizer=optimizer)
    for _ in range(2):  # a check that failed is no check
        with pytest.raises(WrongLayerError), wrapper.optim_context(network):
            network(images())
    with wrapper.optim_context(network):
        nn.Conv2d(8, 8, 3)(images())
    with wrapper.optim_context(network):
        network(images())


@pytest.mark.parametrize("precision", ["bf16", "fp32", None])
def test_a_teacher_is_checked_where_it_is_in_bfloat16(precision):
    model = build(fcn())
    model.decode_head.conv_seg = Wrong(backwards=False, channels=2, kernel=1)
    teacher = FrozenTeacher([model], precision=precision)
    frames = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    if precision == "bf16":
        with pytest.raises(WrongLayerError, match=r"members\.0\.decode_head\.conv_seg"):
            teacher(frames)
    else:
        teacher(frames)


@pytest.mark.parametrize("precision", ["fp32", None])
def test_a_teacher_in_float32_is_not_checked_beside_a_student_in_bfloat16(precision):
    model = distiller(fcn(), fcn(), teacher_precision=precision).train()
    model.teacher.decode_head.conv_seg = Wrong(False, channels=2, kernel=1)
    model.teacher.requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    wrapper = CPUAmpOptimWrapper(optimizer=optimizer)
    if precision == "fp32":
        model.train_step(random_batch(), wrapper)
    else:
        with pytest.raises(WrongLayerError, match=r"members\.0\.decode_head\.conv_seg"):
            model.train_step(random_batch(), wrapper)
