"""Registered losses on logits: the contract of every term, and their arguments."""

import math
import re
from typing import ClassVar

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_splashkd.models.losses import (
    CWDLoss,
    DISTLoss,
    HardLabelLoss,
    KLDLoss,
    MarginKLDLoss,
    RarityKLDLoss,
)
from mmseg_splashkd.models.losses.term import DistillTerm, FeatureTerm
from mmseg_splashkd.models.segmentors.outputs import SegOutputs
from tests.models.losses import oracles
from tests.models.losses.probes import gradient, two_maps
from tests.models.losses.tester import LogitTermTester

LABELS = torch.zeros(2, 8, 10, dtype=torch.long)


def value_of(term: DistillTerm, student, teacher):
    return term(SegOutputs(student), SegOutputs(teacher), LABELS)


class TestKLDLoss(LogitTermTester):
    config: ClassVar = {"type": "KLDLoss"}
    short_name = "kl"

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.tempered_kl(student, teacher, 1.0)


class TestTemperedKLDLoss(LogitTermTester):
    config: ClassVar = {"type": "KLDLoss", "temperature": 4.0}
    short_name = "kl"
    zero_gradient = 1e-5  # grows with the temperature
    atol = 2e-6

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.tempered_kl(student, teacher, 4.0)


class TestStandardizedKLDLoss(LogitTermTester):
    config: ClassVar = {"type": "KLDLoss", "temperature": 0.5, "standardize": True}
    short_name = "kl"
    min_classes = 3
    steepest = 1e3

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.standardized_kl(student, teacher, 0.5)


class TestRarityKLDLoss(LogitTermTester):
    config: ClassVar = {"type": "RarityKLDLoss"}
    short_name = "rarity_kl"

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.rarity_kl(student, teacher, 1.0, 1.0, 1e-3)


class TestRarityKLDLossOfShares(LogitTermTester):
    config: ClassVar = {
        "type": "RarityKLDLoss",
        "temperature": 2.0,
        "power": 0.5,
        "floor": 0.02,
        "shares": [90.0, 9.0, 1.0],
    }
    short_name = "rarity_kl"
    atol = 1e-6

    def test_class_counts_without_a_gradient_are_refused(self):
        term = self.term()
        term.check_num_classes(3)
        for classes in (2, 4):
            match = (
                rf"shares=\[90.0, 9.0, 1.0\] of rarity_kl has 3 .* {classes} classes"
            )
            with pytest.raises(ValueError, match=match):
                term.check_num_classes(classes)

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.rarity_kl(student, teacher, 2.0, 0.5, 0.02, [0.9, 0.09, 0.01])


class TestMarginKLDLoss(LogitTermTester):
    config: ClassVar = {"type": "MarginKLDLoss", "temperature": 3.0}
    short_name = "margin_kl"
    channels = 2
    constant_where_refused = False
    atol = 1e-6

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.tempered_kl(student, teacher, 3.0)


class TestLogitMSELoss(LogitTermTester):
    config: ClassVar = {"type": "LogitMSELoss"}
    short_name = "mse"

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.mse(student, teacher)


class TestHardLabelLoss(LogitTermTester):
    config: ClassVar = {"type": "HardLabelLoss", "threshold": 0.6}
    short_name = "hard"
    zero = 0.6  # the teacher's own entropy, where it is sure
    zero_gradient = 0.5

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.hard_labels(student, teacher, 0.6)


def test_hard_labels_by_hand():
    teacher = torch.tensor([[3.0, 0.2], [0.0, 0.0]]).view(1, 2, 1, 2)  # p 0.95, 0.55
    student = torch.tensor([[0.0, 5.0], [1.0, 5.0]]).view(1, 2, 1, 2)
    loss = value_of(HardLabelLoss(), student, teacher)
    assert loss.item() == pytest.approx(math.log(1 + math.e), rel=1e-6)
    nowhere = value_of(HardLabelLoss(), student, 0 * teacher)
    assert nowhere.item() == 0
    for threshold in (-0.1, 1.0):
        with pytest.raises(ValueError, match="threshold must be"):
            HardLabelLoss(threshold=threshold)


class TestCWDLoss(LogitTermTester):
    config: ClassVar = {"type": "CWDLoss"}
    short_name = "cwd"
    atol = 2e-6

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.cwd(student, teacher, 4.0)


class TestColdCWDLoss(LogitTermTester):
    config: ClassVar = {"type": "CWDLoss", "temperature": 0.5}
    short_name = "cwd"

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.cwd(student, teacher, 0.5)


class TestDISTLoss(LogitTermTester):
    config: ClassVar = {
        "type": "DISTLoss",
        "class_weight": 0.5,
        "pixel_weight": 3.0,
        "temperature": 2.0,
    }
    short_name = "dist"
    constant_where_refused = False  # for two classes, the pixel term is not
    atol = 1e-6

    @staticmethod
    def oracle(student, teacher, labels):
        return 0.5 * oracles.dist_classes(
            student, teacher, 2.0
        ) + 3.0 * oracles.dist_pixels(student, teacher, 2.0)


class TestDISTLossOfClasses(LogitTermTester):
    config: ClassVar = {"type": "DISTLoss", "pixel_weight": 0}
    short_name = "dist"

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.dist_classes(student, teacher, 1.0)


class TestDISTLossOfPixels(LogitTermTester):
    config: ClassVar = {"type": "DISTLoss", "class_weight": 0}
    short_name = "dist"
    min_classes = 2

    @staticmethod
    def oracle(student, teacher, labels):
        return oracles.dist_pixels(student, teacher, 1.0)


@pytest.mark.parametrize("term", [KLDLoss(), MarginKLDLoss(), DISTLoss(1, 1)])
def test_default_temperature_is_1(term):
    assert term.temperature == 1.0
    assert getattr(term, "pixel_weight", 1) == getattr(term, "class_weight", 1) == 1


# The temperature that is fitted.


@pytest.mark.parametrize("loss", [KLDLoss, MarginKLDLoss, RarityKLDLoss])
def test_fitted_temperature_must_be_set_first(loss):
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
def test_a_fitted_value_must_be_a_temperature(value):
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


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("power", -1, "power must be a number >= 0"),
        ("floor", 0, "floor must be a number > 0"),
        ("floor", 1, "floor must be a share < 1, got 1"),
        ("shares", [0.5, -0.1], "shares must be a number >= 0, got -0.1"),
        ("shares", [0, 0], r"shares must not all be 0, got \[0, 0\]"),
    ],
)
def test_rarities_out_of_range_are_refused(argument, value, message):
    with pytest.raises(ValueError, match=message):
        RarityKLDLoss(**{argument: value})


def test_dist_without_terms_is_refused():
    with pytest.raises(ValueError, match="class_weight=0 and pixel_weight=0"):
        DISTLoss(0, 0)


# Class counts without a gradient.


def test_dist_names_the_option_that_keeps_its_pixel_term():
    # Half of its sum would be a constant.
    with pytest.raises(ValueError, match="class_weight=0 keeps the pixel term"):
        DISTLoss().check_num_classes(2)
    DISTLoss(class_weight=0).check_num_classes(2)
    DISTLoss().check_num_classes(3)


@pytest.mark.parametrize(
    ("term", "classes"),
    [(KLDLoss(standardize=True), 2), (DISTLoss(), 2), (KLDLoss(), 1), (DISTLoss(), 1)],
)
def test_losses_that_an_error_suggests_have_a_gradient(term, classes):
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
