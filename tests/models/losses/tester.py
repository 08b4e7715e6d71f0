"""The contract of every distillation term; a test class defines its oracle."""

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses.term import DistillTerm, FeatureTerm
from mmseg_splashkd.models.segmentors.outputs import SegOutputs
from tests.models.losses.oracles import numpy64
from tests.models.losses.probes import extreme_maps, gradient, slope, two_maps

HALVES = (torch.float16, torch.bfloat16)
DTYPES = (torch.float32, torch.float64, *HALVES)
SIZES = ((2, (5, 7)), (3, (1, 4)), (1, (1, 1)))  # batch and map


def labels_of(maps: Tensor) -> Tensor:
    """Labels (B, 2 h + 1, 3 w) of classes 0, 2 and 3; a fifth is ignored."""
    B, _, h, w = maps.shape
    generator = torch.Generator().manual_seed(1)
    values = torch.tensor([0, 2, 3, 3, 255])
    draws = torch.randint(5, (B, 2 * h + 1, 3 * w), generator=generator)
    labels = values[draws]
    labels[0, 0, 0] = 2  # so that at least one pixel is valid
    return labels


class DistillTermTester:
    """Tests of a registered term; a subclass sets config and oracle.

    Attributes:
        config: Config of the term.
        channels: Channels (classes) C of the maps.
        short_name: The term's key in the log.
        zero: Largest loss of equal maps.
        zero_gradient: Largest gradient at equal maps of scale 1.
        rtol: Relative tolerance of float32.
        atol: Absolute tolerance of float32.
        steepest: Largest gradient at constant maps.
    """

    config: ClassVar[dict[str, Any]]
    short_name: ClassVar[str]
    channels: ClassVar[int] = 3
    zero: ClassVar[float] = 0.0
    zero_gradient: ClassVar[float] = 1e-6
    rtol: ClassVar[float] = 2e-5
    atol: ClassVar[float] = 1e-7
    steepest: ClassVar[float] = 10.0

    @staticmethod
    def oracle(student: np.ndarray, teacher: np.ndarray, labels: np.ndarray) -> float:
        """The formula, in NumPy float64."""
        raise NotImplementedError

    def term(self, **changes: Any) -> Any:
        """Build the term; its features have as many channels as the teacher's."""
        term = MODELS.build({**self.config, **changes})
        if isinstance(term, FeatureTerm):
            term.bind_channels(8, 8)  # equal: no projector
        return term

    def value(self, student: Tensor, teacher: Tensor, term: Any = None) -> Tensor:
        """Loss of two maps."""
        return (term or self.term()).compare(student, teacher, labels_of(student))

    def expected(self, student: Tensor, teacher: Tensor) -> float:
        """The oracle's loss of two maps."""
        labels = labels_of(student).numpy()
        return self.oracle(numpy64(student), numpy64(teacher), labels)

    def maps(self, *size: Any, **options: Any) -> tuple[Tensor, Tensor]:
        """Random maps of student and teacher; ``size`` is the batch and the map's."""
        B, hw = size or SIZES[0]
        return two_maps((B, self.channels, *hw), **options)

    def test_registry_builds_it_with_the_arguments_of_every_term(self):
        plain = MODELS.build({"type": self.config["type"]})
        assert isinstance(plain, DistillTerm)
        assert (plain.name, plain.weight(0)) == (self.short_name, 1)
        assert plain.modulate
        assert plain.state_dict() == {}
        weight = {"kind": "linear", "end": 2.0, "until": 4}
        other = self.term(weight=weight, name="x", modulate=False)
        assert (other.name, other.weight(2), other.modulate) == ("x", 1.0, False)
        with pytest.raises(ValueError, match=f"weight of {plain.name} must be .*>= 0"):
            self.term(weight=-1)
        with pytest.raises(ValueError, match=r"name='my_loss' of .* contains 'loss'"):
            self.term(name="my_loss")

    @pytest.mark.parametrize("size", SIZES)
    def test_value_is_that_of_the_formula(self, size):
        student, teacher = self.maps(*size)
        expected = self.expected(student, teacher)
        single = self.value(student, teacher)
        assert single.shape == ()
        assert single.item() == pytest.approx(expected, rel=self.rtol, abs=self.atol)
        exact = self.value(student.double(), teacher.double())
        assert exact.dtype == torch.float64
        assert exact.item() == pytest.approx(expected, rel=1e-12, abs=1e-14)

    def test_gradient_is_that_of_the_formula(self):
        student, teacher = self.maps(2, (3, 2), dtype=torch.float64)
        labels = labels_of(student).numpy()
        expected = slope(lambda z: self.oracle(z, numpy64(teacher), labels), student)
        actual = gradient(lambda z: self.value(z, teacher), student)
        np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-9)
        single = gradient(lambda z: self.value(z, teacher.float()), student.float())
        np.testing.assert_allclose(single, expected, rtol=1e-3, atol=1e-6)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 1e4])
    def test_equal_maps_have_zero_loss_and_gradient(self, scale, dtype):
        for size in (SIZES[0], SIZES[2]):
            maps, _ = self.maps(*size, dtype=dtype, scale=scale)
            assert abs(self.value(maps, maps.clone()).item()) <= self.zero
            pull = gradient(lambda z, t=maps: self.value(z, t), maps)
            assert pull.abs().max() <= self.zero_gradient / max(scale, 1e-3)

    @pytest.mark.parametrize("dtype", HALVES)
    def test_half_precision_is_computed_in_single(self, dtype):
        student, teacher = self.maps(dtype=dtype)
        expected = self.value(student.float(), teacher.float())
        assert torch.equal(self.value(student, teacher), expected)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(self.value(student, teacher), expected)

    @pytest.mark.parametrize("dtype", HALVES)
    def test_large_values_in_half_precision_have_finite_gradients(self, dtype):
        student, teacher = extreme_maps((2, self.channels, 5, 7), dtype)
        student[..., 0, 0] = teacher[..., 0, 0]
        leaf = student.clone().requires_grad_()
        loss = self.value(leaf, teacher)
        assert loss.dtype == torch.float32
        expected = self.expected(student, teacher)
        assert loss.item() == pytest.approx(expected, rel=1e-4)
        (pull,) = torch.autograd.grad(loss, leaf)
        assert pull.dtype == dtype
        assert pull.isfinite().all()

    @pytest.mark.parametrize("size", [(2, (5, 4)), (2, (1, 1))])
    @pytest.mark.parametrize("level", [0.0, 1e-9, 3.0])
    def test_constant_maps_have_a_bounded_gradient(self, level, size):
        _, teacher = self.maps(*size)
        constant = torch.full_like(teacher, level)
        for student, other in ((constant, teacher), (teacher, constant)):
            assert self.value(student, other).isfinite()
            pull = gradient(lambda z, t=other: self.value(z, t), student)
            assert pull.isfinite().all()
            assert pull.abs().max() < self.steepest

    def test_labels_matter_only_if_declared(self):
        student, teacher = self.maps()
        labels, term = labels_of(student), self.term()
        expected = term.compare(student, teacher, labels)
        for other in (labels.flip(1), torch.where(labels == 2, 255, labels)):
            same = torch.equal(term.compare(student, teacher, other), expected)
            assert same is not term.uses_labels
        # All ignored: zero or as it was, and finite.
        ignored = torch.full_like(labels, 255)
        value = term.compare(student, teacher, ignored)
        assert torch.equal(value, 0 * expected if term.uses_labels else expected)

    def test_shift_invariance_is_as_declared(self):
        student, teacher = self.maps(dtype=torch.float64)
        shift = two_maps((2, 1, 5, 7), torch.float64)[0]
        value = self.value(student, teacher).item()
        shifted = self.value(student, teacher + shift).item()
        assert self.term().shift_invariant == (shifted == pytest.approx(value))


class LogitTermTester(DistillTermTester):
    """Tests of a term on logits.

    Attributes:
        min_classes: Smallest class count of this config, if not the class's.
        constant_where_refused: Whether the whole loss is constant for the class counts
            that are refused.
    """

    min_classes: ClassVar[int | None] = None
    constant_where_refused: ClassVar[bool] = True

    @pytest.mark.parametrize("classes", [1, 2, 3, 4])
    @pytest.mark.filterwarnings("ignore:std.* degrees of freedom:UserWarning")
    def test_class_counts_without_a_gradient_are_refused(self, classes):
        term = self.term()
        lowest = self.min_classes or term.min_classes
        refused = not lowest <= classes <= (term.max_classes or classes)
        if refused:
            with pytest.raises(ValueError, match=f"num_classes={classes}"):
                term.check_num_classes(classes)
        else:
            term.check_num_classes(classes)
        if refused and not self.constant_where_refused:
            return
        student, teacher = two_maps((2, classes, 4, 5), torch.float64)
        pull = gradient(lambda z: self.value(z, teacher), student)
        assert (pull.abs().max().item() > 1e-9) is not refused  # also if it is NaN

    def test_logits_of_the_outputs_are_compared(self):
        student, teacher = self.maps()
        labels = labels_of(student)
        outputs = (SegOutputs(student), SegOutputs(teacher))
        term = self.term()
        expected = term.compare(student, teacher, labels)
        assert torch.equal(term(*outputs, labels), expected)


class FeatureTermTester(DistillTermTester):
    """Tests of a term on features.

    Attributes:
        unlike_channels: Whether the channel counts may differ without a projector.
        min_channels: Smallest channel count with a gradient.
    """

    unlike_channels: ClassVar[bool] = True
    min_channels: ClassVar[int] = 2

    def test_channel_counts_may_differ(self):
        student, _ = two_maps((2, 3, 5, 4))
        _, teacher = two_maps((2, 6, 5, 4))
        term = self.term()
        term.bind_channels(3, 6)
        assert bool(list(term.parameters())) is not self.unlike_channels
        value = self.value(student, teacher, term)
        if self.unlike_channels:
            expected = self.expected(student, teacher)
            assert value.item() == pytest.approx(expected, rel=self.rtol)
            term.bind_channels(None, None)
        assert value.item() > 0

    def test_maps_at_the_taps_are_compared_at_the_student_s_size(self):
        student, _ = two_maps((2, 6, 4, 5))
        _, teacher = two_maps((2, 6, 8, 10))
        nothing = torch.full((2, 2, 4, 5), torch.nan)
        labels = labels_of(student)
        term = self.term(tap=0, teacher_tap=2)
        assert term.taps == (0, 2)
        outputs = (
            SegOutputs(nothing, [student, nothing]),
            SegOutputs(nothing, [nothing, nothing, teacher]),
        )
        resized = F.interpolate(teacher, (4, 5), mode="bilinear", align_corners=False)
        expected = term.compare(student, resized, labels)
        assert torch.equal(term(*outputs, labels), expected)
        assert self.term().taps == ("fused", "fused")
        with pytest.raises(ValueError, match=f"teacher_tap of {self.short_name} must"):
            self.term(teacher_tap="neck")

    @pytest.mark.parametrize("channels", [1, 2, 3])
    def test_channel_counts_without_a_gradient_are_refused(self, channels):
        student, teacher = two_maps((2, channels, 4, 5), torch.float64)
        pull = gradient(lambda z: self.value(z, teacher), student)
        assert (pull.abs().max().item() > 1e-9) == (channels >= self.min_channels)
        term = MODELS.build({**self.config, "tap": "logits"})
        if channels < self.min_channels:
            with pytest.raises(ValueError, match=r"no gradient at taps \('logits', 'l"):
                term.bind_channels(channels, channels)
        else:
            term.bind_channels(channels, channels)
