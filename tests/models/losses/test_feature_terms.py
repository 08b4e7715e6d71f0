"""The registered losses on features: arguments, projectors, blindness."""

import math
import re

import pytest
import torch
from mmseg.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

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
from tests.models.losses.probes import gradient, two_maps

NAMES = {
    SKDLoss: "skd",
    IFVDLoss: "ifvd",
    CIRKDLoss: "cirkd",
    FeatureMSELoss: "feature_mse",
    FeatureCosineLoss: "feature_cosine",
    AttentionTransferLoss: "at",
}
COSINES = [SKDLoss, IFVDLoss, CIRKDLoss, FeatureCosineLoss]
PROJECTED = [FeatureMSELoss, FeatureCosineLoss]


def labels(seed: int = 0) -> Tensor:
    """Labels (2, 8, 10) of two classes, a row ignored."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(2, (2, 8, 10), generator=generator)
    drawn[:, 0] = 255
    return drawn


def value_of(term: FeatureTerm, student: Tensor, teacher: Tensor) -> Tensor:
    """Loss of fused features; the logits are not to be looked at."""
    nothing = torch.full((2, 2, 4, 5), math.nan)
    return term(
        SegOutputs(nothing, fused=student), SegOutputs(nothing, fused=teacher), labels()
    )


@pytest.mark.parametrize("loss", NAMES)
def test_is_built_from_a_config_with_the_arguments_of_every_term(loss):
    plain = MODELS.build({"type": loss.__name__})
    assert type(plain) is loss
    assert plain.name == NAMES[loss]
    assert plain.taps == ("fused", "fused")
    assert isinstance(plain, FeatureTerm)
    assert not plain.shift_invariant
    plain.check_num_classes(2)
    plain.check_num_classes(19)

    config = {"type": loss.__name__, "weight": 3, "name": "x", "modulate": False}
    other = MODELS.build(config | {"tap": 1, "teacher_tap": 3})
    assert (other.name, other.weight(0), other.modulate) == ("x", 3, False)
    assert other.taps == (1, 3)


@pytest.mark.parametrize(
    ("term", "formula"),
    [
        (SKDLoss(), lambda s, t: functional.pairwise_similarity(s, t, 16)),
        (SKDLoss(nodes=3), lambda s, t: functional.pairwise_similarity(s, t, 3)),
        (IFVDLoss(), lambda s, t: functional.intra_class_variation(s, t, labels())),
        (
            IFVDLoss(ignore_index=1),
            lambda s, t: functional.intra_class_variation(s, t, labels(), 1),
        ),
        (CIRKDLoss(), lambda s, t: functional.cross_image_relation(s, t, 0.1, 16)),
        (
            CIRKDLoss(temperature=0.5, size=3),
            lambda s, t: functional.cross_image_relation(s, t, 0.5, 3),
        ),
        (FeatureMSELoss(), functional.feature_mse),
        (FeatureCosineLoss(), functional.feature_cosine),
        (AttentionTransferLoss(), functional.attention_transfer),
    ],
)
def test_arguments_reach_the_formula(term, formula):
    student, teacher = two_maps((2, 6, 4, 5))

    term.bind_channels(6, 6)
    assert torch.equal(value_of(term, student, teacher), formula(student, teacher))


@pytest.mark.parametrize("loss", NAMES)
def test_maps_at_the_taps_are_compared_at_the_student_s_size(loss):
    student, _ = two_maps((2, 6, 4, 5))
    _, teacher = two_maps((2, 6, 8, 10))
    nothing = torch.full((2, 2, 4, 5), math.nan)
    unused = torch.full((2, 9, 2, 2), math.nan)
    term = loss(tap=0, teacher_tap=2)
    term.bind_channels(6, 6)

    actual = term(
        SegOutputs(nothing, [student, unused]),
        SegOutputs(nothing, [unused, unused, teacher]),
        labels(),
    )
    resized = F.interpolate(teacher, (4, 5), mode="bilinear", align_corners=False)
    expected = term.compare(student, resized, labels())
    assert torch.equal(actual, expected)


@pytest.mark.parametrize("loss", [loss for loss in NAMES if loss is not IFVDLoss])
def test_labels_do_not_matter(loss):
    student, teacher = two_maps((2, 6, 4, 5))
    term = loss()

    expected = term.compare(student, teacher, labels(0))
    assert torch.equal(term.compare(student, teacher, labels(1)), expected)


def test_labels_do_matter_to_intra_class_variation():
    student, teacher = two_maps((2, 6, 4, 5))

    first, second = (
        IFVDLoss().compare(student, teacher, labels(seed)) for seed in (0, 1)
    )
    assert first.item() != pytest.approx(second.item(), rel=1e-3)


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
    ("given", "told"),
    [
        ({}, (6, 6)),
        ({"student_channels": 6}, (None, 6)),
        ({"teacher_channels": 6}, (6, None)),
        ({"student_channels": 6, "teacher_channels": 6}, (None, None)),
        ({"student_channels": 6, "teacher_channels": 6}, (6, 6)),
    ],
)
def test_equal_channels_need_no_projector(loss, given, told):
    term = loss(**given)
    term.bind_channels(*told)
    assert term.projector is None
    assert not list(term.parameters())


@pytest.mark.parametrize("loss", PROJECTED)
def test_given_channels_build_the_projector_that_no_head_tells(loss):
    term = loss(student_channels=3, teacher_channels=6, tap=1)
    term.bind_channels(None, None)
    assert term.projector.weight.shape == (6, 3, 1, 1)


@pytest.mark.parametrize("loss", PROJECTED)
@pytest.mark.parametrize(
    ("told", "argument", "tap"),
    [
        ((None, 6), "student_channels", 2),
        ((6, None), "teacher_channels", 3),
        ((None, None), "student_channels", 2),
    ],
)
def test_unknown_channels_are_an_error_with_its_remedy(loss, told, argument, tap):
    match = f"{loss.__name__} .*at tap {tap}.*pass {argument}= to the term"
    with pytest.raises(ValueError, match=match):
        loss(tap=2, teacher_tap=3).bind_channels(*told)


@pytest.mark.parametrize("loss", PROJECTED)
def test_channels_that_contradict_the_model_are_refused(loss):
    with pytest.raises(ValueError, match="student_channels=5, but the model has 6"):
        loss(student_channels=5).bind_channels(6, 6)


@pytest.mark.parametrize("loss", [SKDLoss, IFVDLoss, CIRKDLoss, AttentionTransferLoss])
def test_relations_need_no_projector(loss):
    student, _ = two_maps((2, 3, 4, 5))
    _, teacher = two_maps((2, 6, 4, 5))
    term = loss()

    for told in ((3, 6), (None, None)):
        term.bind_channels(*told)
    assert not list(term.parameters())
    assert value_of(term, student, teacher).item() > 0


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


@pytest.mark.parametrize("loss", NAMES)
def test_a_tap_that_is_none_is_refused(loss):
    with pytest.raises(ValueError, match=f"teacher_tap of {NAMES[loss]} must be"):
        loss(teacher_tap="neck")


# Blindness.


@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("loss", NAMES)
def test_refused_exactly_where_blind(loss, classes):
    student, teacher = two_maps((2, classes, 4, 5), torch.float64)
    term = loss(tap="logits")

    pull = gradient(lambda f: term.compare(f, teacher, labels()), student)
    blind = pull.abs().max().item() < 1e-9
    if blind:
        with pytest.raises(
            ValueError, match=r"no gradient at taps \('logits', 'logits'\)"
        ):
            term.bind_channels(classes, classes)
    else:
        term.bind_channels(classes, classes)
    assert blind == (classes == 1 and loss in COSINES)


@pytest.mark.parametrize("loss", COSINES)
def test_one_channel_of_the_teacher_is_blind_too(loss):
    with pytest.raises(ValueError, match="take FeatureMSELoss or AttentionTransfer"):
        loss().bind_channels(8, 1)


def test_given_channels_are_checked_for_blindness():
    with pytest.raises(ValueError, match="no gradient"):
        FeatureCosineLoss(teacher_channels=1).bind_channels(8, None)
    FeatureCosineLoss().bind_channels(1, 8)  # projected to 8


def test_attention_does_not_tell_classes_apart():
    # Documented, and true at any count of channels.
    student, teacher = two_maps((2, 3, 4, 5))

    term = AttentionTransferLoss(tap="logits")
    expected = term.compare(student, teacher, labels())
    mirrored = term.compare(student.flip(1), teacher, labels())
    torch.testing.assert_close(mirrored, expected)
