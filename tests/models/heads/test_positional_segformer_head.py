"""The head against mmseg's own, and against the addition written out."""

import logging

import pytest
import torch
from mmengine.logging import MMLogger
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.heads.position_embedding import (
    SINUSOIDS,
    cached_sinusoid,
    sine1d,
)
from tests.models.builders import BN, FOCAL, build


def head(kind: str | None = None, seed: int = 0, **changes):
    """A head of 16 channels; without ``kind`` the plain one."""
    config = {
        "type": "SegformerHead",
        "in_channels": [8, 8, 8, 8],
        "in_index": [0, 1, 2, 3],
        "channels": 16,
        "dropout_ratio": 0.5,
        "num_classes": 2,
        "out_channels": 2,
        "norm_cfg": BN,
        "loss_decode": FOCAL,
    }
    if kind is not None:
        config.update(type="PositionalSegformerHead", kind=kind)
    return build({**config, **changes}, seed)


def pyramid(height: int = 8, width: int = 12) -> list[Tensor]:
    """Features (2, 8, h, w) of the four stages."""
    generator = torch.Generator().manual_seed(2)
    sizes = [(-(-height // 2**i), -(-width // 2**i)) for i in range(4)]
    return [torch.randn(2, 8, *size, generator=generator) for size in sizes]


def fused(model, features: list[Tensor]) -> Tensor:
    """Features before the classifier, (2, 16, h, w), by mmseg's description."""
    size = features[0].shape[-2:]
    stages = [
        F.interpolate(conv(feature), size, mode="bilinear", align_corners=False)
        for conv, feature in zip(model.convs, features, strict=True)
    ]
    return model.fusion_conv(torch.cat(stages, 1))


@pytest.fixture
def warned():
    """Warnings in the current log, as long as the test runs."""
    messages = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield messages
    logger.removeHandler(handler)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", ["sine1d", "sine2d", "learned"])
def test_ratio_0_is_the_plain_head_bit_for_bit(kind, training):
    plain = head(seed=0).train(training)
    positional = head(kind, seed=1, ratio=0).train(training)
    positional.load_state_dict(plain.state_dict(), strict=True)

    torch.manual_seed(3)  # of the dropout
    expected = plain(pyramid())
    torch.manual_seed(3)
    assert torch.equal(positional(pyramid()), expected)


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.01])
@pytest.mark.parametrize("kind", ["sine1d", "sine2d"])
def test_sinusoid_is_added_times_ratio_before_the_classifier(kind, ratio):
    model = head(kind, ratio=ratio).eval()

    with torch.no_grad():
        features = fused(model, pyramid()) + ratio * SINUSOIDS[kind](16, 8, 12).float()
        expected = torch.einsum(
            "oc,bchw->bohw", model.conv_seg.weight[..., 0, 0], features
        )
        expected += model.conv_seg.bias[:, None, None]
        torch.testing.assert_close(model(pyramid()), expected)


def test_is_added_before_dropout():
    model = head("sine1d").train()

    torch.manual_seed(3)
    logits = model(pyramid())
    torch.manual_seed(3)
    dropped = F.dropout2d(fused(model, pyramid()) + sine1d(16, 8, 12).float(), 0.5)
    torch.testing.assert_close(logits, model.conv_seg(dropped))


def test_learned_embedding_is_added_resampled_and_trained():
    model = head("learned", ratio=0.5, learned_size=(8, 12)).eval()

    expected = model.conv_seg(fused(model, pyramid()) + 0.5 * model.position)
    torch.testing.assert_close(model(pyramid()), expected)
    model(pyramid(6, 6)).sum().backward()
    assert (model.position.grad != 0).all()
    assert 0.015 < model.position.std() < 0.025


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (16, 4)])
@pytest.mark.parametrize("kind", ["sine1d", "sine2d", "learned"])
def test_takes_any_size(kind, size):
    assert head(kind).eval()(pyramid(*size)).shape == (2, 2, *size)


def test_heads_share_one_embedding():
    cached_sinusoid.cache_clear()
    for seed in (0, 1):
        model = head("sine1d", seed).eval()
        for _ in range(2):
            model(pyramid())

    assert cached_sinusoid.cache_info().misses == 1
    head("sine1d").eval()(pyramid(4, 4))
    assert cached_sinusoid.cache_info().misses == 2


@pytest.mark.parametrize("kind", ["sine1d", "sine2d"])
def test_a_sinusoid_is_not_in_the_state(kind):
    model = head(kind)
    model(pyramid())

    assert model.state_dict().keys() == head().state_dict().keys()
    assert len(list(model.buffers())) == len(list(head().buffers()))


def test_a_learned_embedding_is_in_the_state():
    extra = head("learned").state_dict().keys() - head().state_dict().keys()
    assert extra == {"position"}


@pytest.mark.parametrize("kind", ["sine1d", "sine2d", "learned"])
def test_half_precision_stays_half(kind):
    model = head(kind).eval().bfloat16()
    if kind == "learned":
        model.position.data = model.position.data.float()  # as under autocast

    logits = model([feature.bfloat16() for feature in pyramid()])
    assert logits.dtype == torch.bfloat16


def test_a_size_that_is_not_trained_is_a_warning_once(warned):
    model = head("sine1d")
    model.train()(pyramid(8, 8))
    model.eval()
    model(pyramid(8, 8))
    assert warned == []

    for _ in range(2):
        model(pyramid(4, 8))
    assert len(warned) == 1
    assert "features of 4x8 do not occur in training (only [(8, 8)])" in warned[0]

    model(pyramid(8, 4))
    assert "8x4 do not occur in training (only [(8, 8)])" in warned[1]


def test_a_model_that_is_not_trained_gives_no_warning(warned):
    head("sine1d").eval()(pyramid())
    plain = head("sine1d", ratio=0)
    plain.train()(pyramid(8, 8))
    plain.eval()(pyramid(4, 4))

    assert warned == []


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"kind must be one of .*'learned'.* 'sine3d'"):
        head("sine3d")


@pytest.mark.parametrize(("kind", "channels"), [("sine1d", 15), ("sine2d", 18)])
def test_channels_that_do_not_fit_the_kind_are_refused(kind, channels):
    with pytest.raises(ValueError, match=f"got {channels}"):
        head(kind, channels=channels)
