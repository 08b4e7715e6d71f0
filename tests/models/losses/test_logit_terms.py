"""The registered losses on logits: arguments, and where they are blind."""

import math
import re

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_splashkd.models.losses import (
    CWDLoss,
    DISTLoss,
    KLDLoss,
    LogitMSELoss,
    MarginKLDLoss,
    functional,
)
from mmseg_splashkd.models.losses.term import DistillTerm, FeatureTerm
from mmseg_splashkd.models.segmentors.outputs import SegOutputs
from tests.models.losses.probes import gradient, two_maps

NAMES = {
    KLDLoss: "kl",
    MarginKLDLoss: "margin_kl",
    LogitMSELoss: "mse",
    CWDLoss: "cwd",
    DISTLoss: "dist",
}
LABELS = torch.zeros(2, 8, 10, dtype=torch.long)


def value_of(term: DistillTerm, student, teacher):
    return term(SegOutputs(student), SegOutputs(teacher), LABELS)


@pytest.mark.parametrize("loss", NAMES)
def test_is_built_from_a_config_with_the_arguments_of_every_term(loss):
    plain = MODELS.build({"type": loss.__name__})
    assert type(plain) is loss
    assert plain.name == NAMES[loss]
    assert plain.weight(0) == 1
    assert plain.modulate
    assert not isinstance(plain, FeatureTerm)

    weight = {"kind": "linear", "end": 2.0, "until": 4}
    config = {"type": loss.__name__, "weight": weight, "name": "x", "modulate": False}
    other = MODELS.build(config)
    assert (other.name, other.weight(2), other.modulate) == ("x", 1.0, False)
    assert other.state_dict() == {}


@pytest.mark.parametrize(
    ("term", "formula"),
    [
        (KLDLoss(), lambda s, t: functional.kl_divergence(s, t)),
        (KLDLoss(3.0), lambda s, t: functional.kl_divergence(s, t, 3.0)),
        (
            KLDLoss(2.0, standardize=True),
            lambda s, t: functional.kl_divergence(s, t, 2.0, standardize=True),
        ),
        (LogitMSELoss(), functional.logit_mse),
        (CWDLoss(), lambda s, t: functional.channel_wise_divergence(s, t, 4.0)),
        (CWDLoss(2.0), lambda s, t: functional.channel_wise_divergence(s, t, 2.0)),
        (
            DISTLoss(),
            lambda s, t: (
                functional.dist_class_relation(s, t)
                + functional.dist_pixel_relation(s, t)
            ),
        ),
        (
            DISTLoss(0.5, 3.0, 2.0),
            lambda s, t: (
                0.5 * functional.dist_class_relation(s, t, 2.0)
                + 3.0 * functional.dist_pixel_relation(s, t, 2.0)
            ),
        ),
        (DISTLoss(class_weight=0), functional.dist_pixel_relation),
        (DISTLoss(pixel_weight=0), functional.dist_class_relation),
    ],
)
def test_arguments_reach_the_formula(term, formula):
    student, teacher = two_maps((2, 3, 4, 5))

    expected = formula(student, teacher)
    torch.testing.assert_close(value_of(term, student, teacher), expected)


def test_margin_arguments_reach_the_formula():
    student, teacher = two_maps((2, 2, 4, 5))

    for term, temperature in ((MarginKLDLoss(), 1.0), (MarginKLDLoss(3.0), 3.0)):
        expected = functional.margin_kl_divergence(student, teacher, temperature)
        assert torch.equal(value_of(term, student, teacher), expected)


@pytest.mark.parametrize("loss", NAMES)
def test_labels_do_not_matter(loss):
    student, teacher = two_maps((2, 2, 4, 5))
    term = loss()

    expected = term.compare(student, teacher, LABELS)
    for label in (1, 255):
        labels = torch.full_like(LABELS, label)
        assert torch.equal(term.compare(student, teacher, labels), expected)


@pytest.mark.parametrize("term", [*(loss() for loss in NAMES), KLDLoss(1.0, True)])
def test_shift_invariant_is_what_sees_no_number_added_to_a_pixel(term):
    # For two classes that is all it takes to be stored as a margin.
    C = 2 if isinstance(term, MarginKLDLoss) else 3
    student, teacher = two_maps((2, C, 4, 5), torch.float64)
    shift, _ = two_maps((2, 1, 4, 5), torch.float64)

    value = value_of(term, student, teacher).item()
    shifted = value_of(term, student, teacher + shift).item()
    assert term.shift_invariant == (shifted == pytest.approx(value, rel=1e-9))


# The temperature that is fitted.


@pytest.mark.parametrize("loss", [KLDLoss, MarginKLDLoss])
def test_fitted_temperature_waits_for_its_number(loss):
    student, teacher = two_maps((2, 2, 4, 5))
    term = loss(temperature="fitted", name="soft")

    assert term.temperature == "fitted"
    term.check_num_classes(2)
    with pytest.raises(RuntimeError, match=r"'fitted' of soft .*before the first"):
        value_of(term, student, teacher)
    term.set_fitted_temperature(1.7)
    assert term.temperature == 1.7
    expected = value_of(loss(1.7), student, teacher)
    assert torch.equal(value_of(term, student, teacher), expected)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, "fitted"])
def test_what_is_fitted_must_be_a_temperature(value):
    with pytest.raises(ValueError, match="the fitted temperature must be a number > 0"):
        KLDLoss("fitted").set_fitted_temperature(value)


# Arguments out of range.


@pytest.mark.parametrize("value", [0, -4.0, math.nan, math.inf, True, "4", "fited"])
@pytest.mark.parametrize("loss", [KLDLoss, MarginKLDLoss, CWDLoss, DISTLoss])
def test_temperature_out_of_range_is_refused(loss, value):
    match = f"temperature must be a number > 0.*, got {re.escape(repr(value))}"
    with pytest.raises(ValueError, match=match):
        loss(temperature=value)


@pytest.mark.parametrize("loss", [CWDLoss, DISTLoss])
def test_only_kl_is_fitted(loss):
    with pytest.raises(ValueError, match="> 0, got 'fitted'"):
        loss(temperature="fitted")


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, True])
@pytest.mark.parametrize("argument", ["class_weight", "pixel_weight"])
def test_dist_weights_out_of_range_are_refused(argument, value):
    with pytest.raises(ValueError, match=f"{argument} must be .*>= 0, got {value}"):
        DISTLoss(**{argument: value})


def test_dist_of_nothing_is_refused():
    with pytest.raises(ValueError, match="class_weight=0 and pixel_weight=0"):
        DISTLoss(0, 0)


def test_a_weight_out_of_range_is_refused_by_name():
    with pytest.raises(ValueError, match="weight of cwd must be finite and >= 0"):
        CWDLoss(weight=-1)


# Blindness.


@pytest.mark.parametrize("classes", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "term",
    [
        KLDLoss(),
        KLDLoss(standardize=True),
        LogitMSELoss(),
        CWDLoss(),
        DISTLoss(pixel_weight=0),
        DISTLoss(class_weight=0),
    ],
)
@pytest.mark.filterwarnings("ignore:std.* degrees of freedom:UserWarning")
def test_refused_exactly_where_blind(term, classes):
    student, teacher = two_maps((2, classes, 4, 5), torch.float64)

    pull = gradient(lambda z: value_of(term, z, teacher), student)
    blind = not pull.abs().max().item() > 1e-9  # also where it is NaN
    if blind:
        with pytest.raises(
            ValueError, match=f"has no gradient for num_classes={classes}"
        ):
            term.check_num_classes(classes)
    else:
        term.check_num_classes(classes)


@pytest.mark.parametrize("classes", [1, 3, 19])
def test_margin_is_of_two_classes(classes):
    MarginKLDLoss().check_num_classes(2)
    with pytest.raises(ValueError, match=f"num_classes={classes}"):
        MarginKLDLoss().check_num_classes(classes)


def test_dist_says_what_keeps_its_pixel_term():
    # Half of its sum would be a constant.
    with pytest.raises(ValueError, match="class_weight=0 keeps the pixel term"):
        DISTLoss().check_num_classes(2)
    DISTLoss(class_weight=0).check_num_classes(2)
    DISTLoss().check_num_classes(3)


@pytest.mark.parametrize(
    ("term", "classes"),
    [(KLDLoss(standardize=True), 2), (DISTLoss(), 2), (KLDLoss(), 1), (DISTLoss(), 1)],
)
def test_losses_that_a_refusal_names_do_see(term, classes):
    with pytest.raises(ValueError, match="take one of") as refusal:
        term.check_num_classes(classes)
    message = str(refusal.value)
    named = re.findall(r"\w+Loss", message.partition("take one of")[2])
    assert len(named) == len(set(named)) >= 8

    student, teacher = two_maps((2, classes, 6, 7), torch.float64)
    labels = (student[:, 0] > 0).long()
    for name in named:
        other = MODELS.build({"type": name})
        other.check_num_classes(classes)
        if isinstance(other, FeatureTerm):  # of more channels than classes
            other.bind_channels(8, 8)
            continue
        pull = gradient(lambda z, f=other: f.compare(z, teacher, labels), student)
        assert pull.abs().max() > 1e-6
