"""A teacher sees colours while its student sees one other channel of the frame."""

import copy

import pytest
import torch
from torch import Tensor

from mmseg_splashkd.models.teacher.renormalise import Renormalisation
from tests.models.builders import (
    IMAGENET,
    distiller,
    fcn,
    losses_of,
    preprocessor,
    random_batch,
    segformer,
)

TEACHER = {"mean": [90.0, 100.0, 110.0], "std": [40.0, 50.0, 60.0]}
PACKED = {
    "type": "MultiChannelPreProcessor",
    "mean": [*IMAGENET["mean"], 110.0],
    "std": [*IMAGENET["std"], 50.0],
    "bgr_to_rgb": True,
    "size_divisor": 64,
}


def pair(**changes):
    """A student of one channel, and its teacher of colours."""
    plain = fcn()
    adapter = {"type": "ChannelAdapter", "take": [3], "backbone": plain["backbone"]}
    packed = {**PACKED, **changes}
    student = {**plain, "backbone": adapter, "data_preprocessor": packed}
    own = preprocessor(**TEACHER, size_divisor=64)
    return distiller(student, {**segformer(), "data_preprocessor": own})


def seen_by(module) -> list[Tensor]:
    seen: list[Tensor] = []
    module.register_forward_pre_hook(lambda _, args: seen.extend(args))
    return seen


@pytest.mark.parametrize("depth", [True, False], ids=["depth", "gray"])
def test_one_sample_supplies_both_images(depth):
    model = pair(append_gray=not depth)
    batch = random_batch(size=(40, 48))
    colours = copy.deepcopy(batch)
    images = [image.float() for image in batch["inputs"]]
    weights = torch.tensor([0.114, 0.587, 0.299]).view(3, 1, 1)  # of B, G, R
    gray = [(weights * image).sum(0)[None] for image in images]
    last = [image[:1] * 2 for image in images] if depth else gray
    if depth:
        pairs = zip(images, last, strict=True)
        batch["inputs"] = [torch.cat(each) for each in pairs]
    of_teacher = seen_by(model.teacher.backbone)
    of_student = seen_by(model.student.backbone.adapter)
    total, _ = model.parse_losses(losses_of(model, batch))
    total.backward()
    own = model.teacher.data_preprocessor(colours, True)["inputs"]
    torch.testing.assert_close(of_teacher[0], own, atol=2e-5, rtol=1e-5)
    expected = (torch.stack(last) - 110) / 50
    torch.testing.assert_close(of_student[0][:, :, :40, :48], expected)
    assert of_student[0].shape == (2, 1, 64, 64)


def test_the_student_is_tested_on_one_channel_alone():
    model = pair().eval()
    whole = torch.randn(1, 4, 32, 32)
    with torch.no_grad():
        both = model(whole, mode="tensor"), model(whole[:, 3:], mode="tensor")
    assert torch.equal(*both)


def test_the_fourth_of_four_channels_is_not_swapped_with_the_first():
    four = {"mean": [0.0] * 4, "std": [1.0] * 4}
    change = Renormalisation(
        {**four, "swap_channels": True}, {**four, "swap_channels": False}
    )
    images = torch.arange(4.0).view(1, 4, 1, 1)
    assert change(images).flatten().tolist() == [2, 1, 0, 3]


def test_equal_colours_are_the_first_channels_as_they_are():
    colours = {"mean": [1.0] * 3, "std": [2.0] * 3, "swap_channels": True}
    packed = {"mean": [1.0] * 4, "std": [2.0] * 4, "swap_channels": True}
    images = torch.randn(1, 4, 8, 8)
    assert torch.equal(Renormalisation(packed, colours)(images), images[:, :3])
