"""Registered losses on features: the contract of every term, and projectors."""

import math
import re
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from mmseg_splashkd.models.losses import (
    AttentionTransferLoss,
    CIRKDLoss,
    FeatureCosineLoss,
    FeatureMSELoss,
    IFVDLoss,
    SKDLoss,
    functional,
)
from mmseg_splashkd.models.losses.term import FeatureTerm
from mmseg_splashkd.models.segmentors.outputs import SegOutputs
from tests.models.losses import oracles
from tests.models.losses.probes import two_maps
from tests.models.losses.tester import FeatureTermTester

COSINES = [SKDLoss, IFVDLoss, CIRKDLoss, FeatureCosineLoss]
PROJECTED = [FeatureMSELoss, FeatureCosineLoss]


def labels(seed: int = 0) -> Tensor:
    """Labels (2, 8, 10) of two classes, a row ignored."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(2, (2, 8, 10), generator=generator)
    drawn[:, 0] = 255
    return drawn


def value_of(term: FeatureTerm, student: Tensor, teacher: Tensor) -> Tensor:
    """Loss of fused features; the logits must not be used."""
    nothing = torch.full((2, 2, 4, 5), math.nan)
    return term(
        SegOutputs(nothing, fused=student), SegOutputs(nothing, fused=teacher), labels()
    )


class TestSKDLoss(FeatureTermTester):
    config: ClassVar = {"type": "SKDLoss", "nodes": 2}  # not a divisor of the maps
    short_name = "skd"

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.skd(student, teacher, 2)


class TestWholeSKDLoss(FeatureTermTester):
    config: ClassVar = {"type": "SKDLoss"}
    short_name = "skd"

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.skd(student, teacher, 16)


class TestIFVDLoss(FeatureTermTester):
    config: ClassVar = {"type": "IFVDLoss"}
    short_name = "ifvd"

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.ifvd(student, teacher, labels)


class TestCIRKDLoss(FeatureTermTester):
    config: ClassVar = {"type": "CIRKDLoss", "size": 2}
    short_name = "cirkd"

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.cirkd(student, teacher, 0.1, 2)


class TestWholeCIRKDLoss(FeatureTermTester):
    config: ClassVar = {"type": "CIRKDLoss", "temperature": 0.5}
    short_name = "cirkd"

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.cirkd(student, teacher, 0.5, 16)


class TestFeatureMSELoss(FeatureTermTester):
    config: ClassVar = {"type": "FeatureMSELoss"}
    short_name = "feature_mse"
    unlike_channels = False
    min_channels = 1

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.mse(student, teacher)


class TestFeatureCosineLoss(FeatureTermTester):
    config: ClassVar = {"type": "FeatureCosineLoss"}
    short_name = "feature_cosine"
    unlike_channels = False
    zero = 1e-6  # 1 - 1, each to its last digit

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.cosine_distance(student, teacher)


class TestAttentionTransferLoss(FeatureTermTester):
    config: ClassVar = {"type": "AttentionTransferLoss"}
    short_name = "at"
    min_channels = 1

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.attention(student, teacher)


def test_ignore_index_is_that_of_the_head():
    student, teacher = two_maps((2, 6, 4, 5))
    head: Any = SimpleNamespace(ignore_index=1)
    term = IFVDLoss()
    term.set_ignore_index(head)
    expected = functional.intra_class_variation(student, teacher, labels(), 1)
    assert torch.equal(value_of(term, student, teacher), expected)
    same = IFVDLoss(ignore_index=1)
    same.set_ignore_index(head)
    assert torch.equal(value_of(same, student, teacher), expected)
    with pytest.raises(ValueError, match=r"ignore_index of ifvd=255, and student.*=1"):
        IFVDLoss(ignore_index=255).set_ignore_index(head)


# Projectors.


@pytest.mark.parametrize("loss", PROJECTED)
def test_projector_is_a_1x1_convolution_to_the_teacher_s_channels(loss):
    student, _ = two_maps((2, 3, 4, 5))
    _, teacher = two_maps((2, 6, 4, 5))
    term = loss()
    assert term.state_dict() == {}

    term.bind_channels(3, 6)
    assert term.projector.weight.shape == (6, 3, 1, 1)
    weight, bias = term.projector.weight[..., 0, 0], term.projector.bias
    projected = torch.einsum("oc,bchw->bohw", weight, student) + bias[:, None, None]
    formula = functional.feature_mse if loss is FeatureMSELoss else None
    expected = (formula or functional.feature_cosine)(projected, teacher)
    value = value_of(term, student, teacher)
    torch.testing.assert_close(value, expected)
    value.backward()
    assert all(weight.grad.abs().sum() > 0 for weight in term.parameters())


@pytest.mark.parametrize("loss", PROJECTED)
def test_projector_computes_in_single_precision(loss):
    student = two_maps((2, 3, 4, 5), torch.float16, 1e4)[0].requires_grad_()
    _, teacher = two_maps((2, 6, 4, 5), torch.float16, 1e4)
    term = loss()
    term.bind_channels(3, 6)

    expected = value_of(term, student.float(), teacher.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = value_of(term, student, teacher)
    assert value.dtype == torch.float32
    assert torch.equal(value, expected)
    value.backward()
    assert student.grad is not None
    assert student.grad.isfinite().all()


@pytest.mark.parametrize("loss", PROJECTED)
@pytest.mark.parametrize(
    ("configured", "channels"),
    [
        ({}, (6, 6)),
        ({"student_channels": 6}, (None, 6)),
        ({"teacher_channels": 6}, (6, None)),
        ({"student_channels": 6, "teacher_channels": 6}, (None, None)),
        ({"student_channels": 6, "teacher_channels": 6}, (6, 6)),
    ],
)
def test_equal_channels_need_no_projector(loss, configured, channels):
    term = loss(**configured)
    term.bind_channels(*channels)
    assert term.projector is None
    assert not list(term.parameters())


@pytest.mark.parametrize("loss", PROJECTED)
def test_configured_channels_build_the_projector(loss):
    term = loss(student_channels=3, teacher_channels=6, tap=1)
    term.bind_channels(None, None)
    assert term.projector.weight.shape == (6, 3, 1, 1)


@pytest.mark.parametrize("loss", PROJECTED)
@pytest.mark.parametrize(
    ("channels", "argument", "tap"),
    [
        ((None, 6), "student_channels", 2),
        ((6, None), "teacher_channels", 3),
        ((None, None), "student_channels", 2),
    ],
)
def test_unknown_channels_are_an_error_with_its_remedy(loss, channels, argument, tap):
    match = f"{loss.__name__} .*at tap {tap}.*pass {argument}= to the term"
    with pytest.raises(ValueError, match=match):
        loss(tap=2, teacher_tap=3).bind_channels(*channels)


@pytest.mark.parametrize("loss", PROJECTED)
def test_channels_that_contradict_the_model_are_refused(loss):
    with pytest.raises(ValueError, match="student_channels=5, but the model has 6"):
        loss(student_channels=5).bind_channels(6, 6)


# Arguments out of range.


@pytest.mark.parametrize("value", [0, -1, 2.5, math.nan, True])
@pytest.mark.parametrize(
    ("loss", "argument"),
    [
        (SKDLoss, "nodes"),
        (CIRKDLoss, "size"),
        (FeatureMSELoss, "student_channels"),
        (FeatureCosineLoss, "teacher_channels"),
    ],
)
def test_counts_out_of_range_are_refused(loss, argument, value):
    match = f"{argument} must be a whole number >= 1, got {re.escape(repr(value))}"
    with pytest.raises(ValueError, match=match):
        loss(**{argument: value})


@pytest.mark.parametrize("value", [0, -4.0, math.nan, math.inf, "fitted"])
def test_temperature_out_of_range_is_refused(value):
    with pytest.raises(ValueError, match="temperature must be a number > 0, got"):
        CIRKDLoss(temperature=value)


# Channel counts without a gradient.


@pytest.mark.parametrize("loss", COSINES)
def test_one_channel_of_the_teacher_is_refused(loss):
    with pytest.raises(ValueError, match="take FeatureMSELoss or AttentionTransfer"):
        loss().bind_channels(8, 1)


def test_configured_channels_are_checked():
    with pytest.raises(ValueError, match="no gradient"):
        FeatureCosineLoss(teacher_channels=1).bind_channels(8, None)
    FeatureCosineLoss().bind_channels(1, 8)  # projected to 8


def test_attention_does_not_distinguish_classes():
    # Documented, and true at any count of channels.
    student, teacher = two_maps((2, 3, 4, 5))

    term = AttentionTransferLoss(tap="logits")
    expected = term.compare(student, teacher, labels())
    mirrored = term.compare(student.flip(1), teacher, labels())
    torch.testing.assert_close(mirrored, expected)
