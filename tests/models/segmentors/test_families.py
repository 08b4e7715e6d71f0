"""Any two encoder-decoders distil: families of mmseg, of other strides and heads."""

import copy

import pytest
import torch
from torch.nn import functional as F

from tests.models.builders import (
    BN,
    distiller,
    fcn,
    losses_of,
    preprocessor,
    random_batch,
    segformer,
)

SIZE = 32  # of the frames, in pixels


def dilated_resnet(head: dict, auxiliary: bool = False) -> dict:
    """A ResNet-18 of stride 8 with another head than FCN's."""
    config = fcn(auxiliary=auxiliary)
    own = {"num_convs", "concat_input"}
    shared = {
        key: config["decode_head"][key] for key in config["decode_head"].keys() - own
    }
    return config | {"decode_head": shared | head}


def deeplabv3(**head) -> dict:
    return dilated_resnet({"type": "ASPPHead", "dilations": (1, 2, 4), **head})


def deeplabv3plus() -> dict:
    head = {"type": "DepthwiseSeparableASPPHead", "dilations": (1, 2, 4)}
    return dilated_resnet({**head, "c1_in_channels": 8, "c1_channels": 4})


def pspnet(auxiliary: bool = False) -> dict:
    return dilated_resnet({"type": "PSPHead", "pool_scales": (1, 2)}, auxiliary)


def unet() -> dict:
    """Three stages, the first at the frame's own resolution."""
    backbone = {
        "type": "UNet",
        "base_channels": 8,
        "num_stages": 3,
        "strides": (1, 1, 1),
        "enc_num_convs": (1, 1, 1),
        "dec_num_convs": (1, 1),
        "downsamples": (True, True),
        "enc_dilations": (1, 1, 1),
        "dec_dilations": (1, 1),
        "norm_cfg": BN,
    }
    head = {**fcn()["decode_head"], "in_channels": 8, "in_index": 2}
    return {
        "type": "EncoderDecoder",
        "data_preprocessor": preprocessor(),
        "backbone": backbone,
        "decode_head": head,
        "test_cfg": {"mode": "whole"},
    }


@pytest.mark.parametrize(
    ("student", "teacher", "stride"),
    [
        pytest.param(segformer(), pspnet(), 4, id="PSPNet teaches SegFormer"),
        pytest.param(unet(), segformer(), 1, id="SegFormer teaches U-Net"),
        pytest.param(
            pspnet(auxiliary=True),
            deeplabv3plus(),
            8,
            id="DeepLabV3+ teaches PSPNet with an auxiliary head",
        ),
        pytest.param(deeplabv3(), unet(), 8, id="U-Net teaches DeepLabV3"),
        pytest.param(
            deeplabv3plus(),
            deeplabv3(align_corners=True),
            4,
            id="DeepLabV3 teaches DeepLabV3+",
        ),
    ],
)
def test_one_step(student, teacher, stride, monkeypatch):
    model = distiller(student, teacher).train()
    answers = {}

    def listen(student, teacher, *rest):
        answers.update(student=student.logits, teacher=teacher.logits)
        return learn(student, teacher, *rest)

    learn = model.distill_loss.forward
    monkeypatch.setattr(model.distill_loss, "forward", listen)
    batch = random_batch(size=SIZE)
    inputs = model.data_preprocessor(copy.deepcopy(batch), True)["inputs"]
    total, _ = model.parse_losses(losses_of(model, batch))
    total.backward()

    assert total.isfinite()
    for name, weight in model.student.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.any(), name
    small = (SIZE // stride, SIZE // stride)
    assert answers["student"].shape == answers["teacher"].shape == (2, 2, *small)
    with torch.no_grad():
        alone = model.teacher(inputs, mode="tensor")
    corners = model.teacher.align_corners
    expected = F.interpolate(alone, small, mode="bilinear", align_corners=corners)
    torch.testing.assert_close(answers["teacher"], expected)
