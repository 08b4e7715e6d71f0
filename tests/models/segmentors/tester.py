"""The contract of every segmentor in a distillation, as student and as teacher."""

import copy
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.segmentors.heads import (
    auxiliary_heads,
    decode_heads,
    last_head,
)
from mmseg_splashkd.models.segmentors.outputs import channels_at, forward_outputs
from tests.models.builders import build, distiller, losses_of, random_batch, segformer


def equal_weights(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether two states have the same keys and bits."""
    return one.keys() == other.keys() and all(
        torch.equal(one[name], other[name]) for name in one
    )


def step(model: Any, batch: dict, lr: float = 0.1) -> dict[str, Tensor]:
    """One step of SGD on a batch; returns its losses."""
    losses = losses_of(model, batch)
    total, _ = model.parse_losses(losses)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
    return losses


class SegmentorTester:
    """Tests of a family of segmentors; a subclass sets its config and capabilities.

    Attributes:
        stride: Stride of the logits.
        size: (H, W) of the frames, odd where the network takes that.
        batches: Batch sizes that it trains with; BatchNorm after a global pooling does
            not train with 1.
        label_losses: Keys of losses of other heads than the last decode head.
        unused: Parts of the names of weights that the library's own forward pass does
            not use; DDP needs ``find_unused_parameters`` for these.
        resting: Parts of the names of weights whose gradient is 0 at first, because
            the weights that follow them begin with 0.
        fused: Whether the head has a classifier, whose input can be tapped.
    """

    stride: ClassVar[int]
    size: ClassVar[tuple[int, int]] = (33, 47)
    batches: ClassVar[tuple[int, ...]] = (1, 3)
    label_losses: ClassVar[frozenset[str]] = frozenset()
    unused: ClassVar[tuple[str, ...]] = ()
    resting: ClassVar[tuple[str, ...]] = ()
    fused: ClassVar[bool] = True

    @staticmethod
    def config() -> dict:
        """Config of the segmentor."""
        raise NotImplementedError

    def student(self) -> Any:
        """The segmentor as the student of a SegFormer."""
        return distiller(self.config(), segformer()).train()

    def teacher(self) -> Any:
        """The segmentor as the teacher of a SegFormer."""
        return distiller(segformer(), self.config()).train()

    def batch(self, **options: Any) -> dict:
        """A batch of frames."""
        return random_batch(size=self.size, **options)

    def images(self) -> Tensor:
        """Normalised images (2, 3, H, W)."""
        generator = torch.Generator().manual_seed(0)
        return torch.randn(2, 3, *self.size, generator=generator)

    def small(self) -> tuple[int, int]:
        """Size of the logits."""
        height, width = (-(-length // self.stride) for length in self.size)
        return height, width

    def test_every_weight_is_trained_as_a_student(self):
        for frames in self.batches:
            model = self.student()
            before = copy.deepcopy(model.state_dict())
            losses = step(model, self.batch(frames=frames))
            assert {"loss_label", "loss_distill", *self.label_losses} == {
                key for key in losses if "loss" in key
            }
            for name, loss in losses.items():
                assert loss.isfinite(), name
            for name, weight in model.named_parameters():
                if any(part in name for part in self.unused):
                    assert weight.grad is None, name
                    continue
                assert weight.grad is not None, name
                assert weight.grad.isfinite().all(), name
                resting = any(part in name for part in self.resting)
                assert resting or weight.grad.any(), name
            assert not equal_weights(model.state_dict(), before)

    def test_student_and_teacher_run_in_bf16(self):
        for model in (self.student(), self.teacher()):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                losses = losses_of(model, self.batch(frames=self.batches[-1]))
            total, _ = model.parse_losses(losses)
            total.backward()
            for name, weight in model.named_parameters():
                assert weight.grad is None or weight.grad.isfinite().all(), name

    def test_teacher_stays_bit_identical(self):
        model = self.teacher()
        before = copy.deepcopy(model.teacher.state_dict())
        for seed in range(2):
            step(model, self.batch(seed=seed))
        assert equal_weights(model.teacher.state_dict(), before)
        for weight in model.teacher.parameters():
            assert weight.grad is None
            assert not weight.requires_grad
        assert not any(module.training for module in model.teacher.modules())

    def test_logits_are_compared_at_the_resolution_of_the_student(self, monkeypatch):
        for model, size in ((self.student(), self.small()), (self.teacher(), None)):
            calls: list = []
            forward = model.distill_loss.forward

            def record(student, teacher, *rest, calls=calls, forward=forward):
                calls.append((student.logits, teacher.logits))
                return forward(student, teacher, *rest)

            monkeypatch.setattr(model.distill_loss, "forward", record)
            batch = self.batch()
            inputs = model.data_preprocessor(copy.deepcopy(batch), True)["inputs"]
            losses_of(model, batch)
            ((student, teacher),) = calls
            assert student.shape == teacher.shape
            assert size is None or student.shape[-2:] == size
            assert student.requires_grad
            assert not teacher.requires_grad
            alone = model.teacher(inputs, mode="tensor")
            corners = model.teacher.align_corners
            expected = F.interpolate(
                alone, student.shape[-2:], mode="bilinear", align_corners=corners
            )
            torch.testing.assert_close(teacher, expected)

    def test_behaves_exactly_like_the_plain_student(self):
        model, plain = self.student().eval(), build(self.config(), seed=5).eval()
        assert list(model.state_dict()) == list(plain.state_dict())
        plain.load_state_dict(model.state_dict(), strict=True)
        other = build(self.config(), seed=6).state_dict()
        model.load_state_dict(other, strict=True)
        assert equal_weights(model.student.state_dict(), other)
        model.load_state_dict(plain.state_dict(), strict=True)
        metas = [{"img_shape": self.size}] * 2
        with torch.no_grad():
            images = self.images()
            assert torch.equal(model(images), plain(images))
            logits = model.encode_decode(images, metas)
            assert torch.equal(logits, plain.encode_decode(images, metas))
            ours, theirs = (
                each.test_step(self.batch(frames=1))[0] for each in (model, plain)
            )
        assert torch.equal(ours.pred_sem_seg.data, theirs.pred_sem_seg.data)
        assert ours.seg_logits.data.shape == (2, *self.size)

    def test_a_copy_trains_apart(self):
        model = self.student()
        twin, before = copy.deepcopy(model), copy.deepcopy(model.state_dict())
        step(twin, self.batch())
        assert twin.teacher is model.teacher
        assert equal_weights(model.state_dict(), before)
        assert not equal_weights(twin.state_dict(), before)
        twin.load_state_dict(before, strict=True)
        assert equal_weights(twin.state_dict(), before)

    @pytest.mark.parametrize("fused", [False, True])
    def test_outputs_are_those_of_the_network(self, fused):
        if fused and not self.fused:
            pytest.skip("the head has no classifier")
        model = build(self.config()).eval()
        outputs = forward_outputs(model, self.images(), fused)
        assert outputs.logits.shape == (2, 2, *self.small())
        assert torch.equal(outputs.logits, model(self.images(), mode="tensor"))
        stages = model.extract_feat(self.images())
        stages = (stages,) if isinstance(stages, Tensor) else stages
        for ours, theirs in zip(outputs.stages, stages, strict=True):
            assert torch.equal(ours, theirs)
        assert (outputs.fused is not None) is fused
        if fused:  # the input of the classifier
            logits = last_head(model).conv_seg(outputs.at("fused"))
            assert torch.equal(logits, outputs.logits)

    def test_channel_counts_are_those_of_the_tensors(self):
        model = build(self.config()).eval()
        outputs = forward_outputs(model, self.images(), fused=self.fused)
        for tap in ("logits", "fused") if self.fused else ("logits",):
            assert channels_at(model, tap) == outputs.at(tap).shape[1]
        heads = [*decode_heads(model), *auxiliary_heads(model)]
        indices = [head.in_index for head in heads]
        read = {
            i for index in indices for i in ([index] if type(index) is int else index)
        } | set(range(len(getattr(model.backbone, "channels", ()))))
        for stage, tensor in enumerate(outputs.stages):
            expected = tensor.shape[1] if stage in read else None
            assert channels_at(model, stage) == expected
        assert channels_at(model, 99) is None
