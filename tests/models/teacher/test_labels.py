"""Labels in the teacher's place, against the losses' formulas in NumPy float64."""

from typing import Any

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses import FocalModulatedKDLoss
from mmseg_splashkd.models.segmentors.outputs import SegOutputs
from mmseg_splashkd.models.teacher.labels import LabelTeacher
from tests.models.losses import oracles
from tests.models.losses.oracles import IGNORED, numpy64

SMALL = (4, 6)


def labels_of(classes: int, seed: int = 0) -> Tensor:
    """(2, 8, 12) labels; the last class is nowhere, a quarter is ignored."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(max(classes - 1, 2), (2, 8, 12), generator=generator)
    labels[:, :2] = IGNORED
    return labels


def nearest(labels: Tensor) -> np.ndarray:
    """Of every 2 x 2 pixels, the one that contains the centre."""
    return labels[:, 1::2, 1::2].numpy()


def logits_of(classes: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, classes, *SMALL, generator=generator)
    return logits.double().requires_grad_()


def loss_of(term: Any, student: Tensor, labels: Tensor, **options: Any) -> Tensor:
    """Loss of logits against labels, in float64, as a distillation computes it."""
    taught = LabelTeacher(student.shape[1], **options)(labels, student.shape[-2:])
    answers = SegOutputs(taught.logits.double(), valid=taught.valid)
    ours = answers.comparable(SegOutputs(student))
    return MODELS.build(term)(ours, answers, labels)


@pytest.mark.parametrize("temperature", [1.0, 4.0, 64.0])
@pytest.mark.parametrize("kind", ["KLDLoss", "MarginKLDLoss"])
def test_kl_is_cross_entropy_at_every_temperature(kind, temperature):
    classes = 2 if kind == "MarginKLDLoss" else 5
    student, labels = logits_of(classes), labels_of(classes)
    loss = loss_of({"type": kind, "temperature": temperature}, student, labels)
    small = nearest(labels)
    pt = oracles.probability_of_truth(numpy64(student) / temperature, small)
    expected = temperature**2 * -np.log(pt).sum() / small.size
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def channel_loss(channel: np.ndarray, label: np.ndarray, index: int) -> float:
    """KL from equal shares on the valid pixels of a class, on all if it is absent."""
    valid = label != IGNORED
    q = np.exp(channel[valid]) / np.exp(channel[valid]).sum()
    on = label[valid] == index
    on = on if on.any() else np.ones_like(on)
    return float(np.mean([np.log(1 / on.sum() / share) for share in q[on]]))


@pytest.mark.parametrize("temperature", [1.0, 4.0, 64.0])
def test_cwd_asks_for_equal_shares_on_the_pixels_of_each_class(temperature):
    student, labels = logits_of(5), labels_of(5)
    term = {"type": "CWDLoss", "temperature": temperature}
    loss = loss_of(term, student, labels)
    z, small = numpy64(student) / temperature, nearest(labels)
    total = sum(
        channel_loss(channel, label, index)
        for frame, label in zip(z, small, strict=True)
        for index, channel in enumerate(frame)
    )
    assert not (small == 4).any()
    assert loss.item() == pytest.approx(temperature**2 * total / (2 * 5), rel=1e-10)


def test_dist_compares_with_the_one_hot_labels():
    student, labels = logits_of(5), labels_of(5)
    loss = loss_of({"type": "DISTLoss"}, student, labels)
    small = nearest(labels)
    p = np.eye(5)[np.where(small == IGNORED, 0, small)].transpose(0, 3, 1, 2)
    q = oracles.softmax(numpy64(student))
    left_out = (small == IGNORED)[:, None]
    p, q = (np.where(left_out, 0.2, each) for each in (p, q))
    expected = oracles.correlation_distance(oracles.pixels(q), oracles.pixels(p))
    expected += oracles.correlation_distance(oracles.channels(q), oracles.channels(p))
    assert loss.item() == pytest.approx(expected, rel=1e-8)


def test_one_logit_is_taught_by_the_cross_entropy_of_its_sigmoid():
    labels, z = labels_of(2), logits_of(1)
    student = torch.cat([torch.zeros_like(z), z], 1)
    loss = loss_of({"type": "KLDLoss"}, student, labels, one_channel=True)
    small = torch.from_numpy(nearest(labels))
    valid = small != IGNORED
    bce = F.binary_cross_entropy_with_logits(z[:, 0][valid], small[valid].double())
    share = valid.sum() / valid.numel()
    assert loss.item() == pytest.approx((bce * share).item(), rel=1e-12)
    cwd = loss_of({"type": "CWDLoss"}, student, labels, one_channel=True)
    pairs = zip(numpy64(z)[:, 0] / 4, nearest(labels), strict=True)
    total = sum(channel_loss(channel, label, 1) for channel, label in pairs)
    assert cwd.item() == pytest.approx(16 * total / (2 * 2), rel=1e-10)


TERMS: list[dict[str, Any]] = [
    {"type": "KLDLoss", "temperature": 4.0},
    {"type": "KLDLoss", "standardize": True},
    {"type": "CWDLoss"},
    {"type": "DISTLoss"},
    {"type": "LogitMSELoss"},
]


@pytest.mark.parametrize(
    "term", TERMS, ids=lambda term: "-".join(map(str, term.values()))
)
def test_ignored_pixels_teach_nothing(term):
    student, labels = logits_of(5), labels_of(5)
    options = {"margin": 5.0} if term["type"] == "LogitMSELoss" else {}
    loss = loss_of(term, student, labels, **options)
    (gradient,) = torch.autograd.grad(loss, student)
    ignored = torch.from_numpy(nearest(labels) == IGNORED)[:, None].expand(
        -1, 5, -1, -1
    )
    assert gradient.isfinite().all()
    assert not gradient[ignored].any()
    assert gradient[~ignored].any()
    changed = torch.where(ignored, logits_of(5, seed=7), student)
    assert loss_of(term, changed, labels, **options).item() == loss.item()


@pytest.mark.parametrize(
    "term", TERMS[:4], ids=lambda term: "-".join(map(str, term.values()))
)
def test_a_frame_without_a_label_adds_nothing(term):
    student, labels = logits_of(5), torch.full((2, 8, 12), IGNORED)
    loss = loss_of(term, student, labels)
    (gradient,) = torch.autograd.grad(loss, student)
    assert loss.item() == 0
    assert not gradient.any()


def test_a_margin_is_a_smoothed_label():
    labels = labels_of(5)
    logits = LabelTeacher(5, margin=3.0)(labels, torch.Size(SMALL)).logits
    small = nearest(labels)
    probabilities = oracles.softmax(numpy64(logits))
    pt = oracles.probability_of_truth(numpy64(logits), small)
    np.testing.assert_allclose(pt, np.exp(3) / (np.exp(3) + 4))
    left_out = np.broadcast_to((small == IGNORED)[:, None], probabilities.shape)
    np.testing.assert_allclose(probabilities[left_out], 0.2)


@pytest.mark.parametrize("margin", [0, -1.0, 2e4, float("nan"), True, "much"])
def test_a_margin_is_a_positive_number(margin):
    with pytest.raises(
        ValueError, match=r"label_margin must be a number in \(0, 10000"
    ):
        LabelTeacher(5, margin=margin)


@pytest.mark.parametrize(
    ("options", "key", "share"),
    [
        ({"terms": [{"type": "RarityKLDLoss"}]}, "rarity_kl", 0.5),
        ({"student_error": {}}, "modulation", 1.0),
    ],
)
def test_frames_without_a_label_do_not_change_what_other_pixels_count(
    options, key, share
):
    # Their logits are all equal, so that their most probable class would be the first.
    loss = FocalModulatedKDLoss(**options)
    student, labels = logits_of(2).float(), torch.zeros(2, *SMALL, dtype=torch.long)
    labels[0, 0], labels[1] = 1, IGNORED

    def value(frames: int) -> float:
        taught = LabelTeacher(2)(labels[:frames], torch.Size(SMALL))
        return loss(SegOutputs(student[:frames]), taught, labels[:frames])[key].item()

    assert value(2) == pytest.approx(share * value(1), rel=1e-6)


def test_no_pixel_with_an_answer_has_no_rare_class():
    loss = FocalModulatedKDLoss(terms=[{"type": "RarityKLDLoss"}], student_error={})
    student, labels = logits_of(2).float(), torch.full((2, *SMALL), IGNORED)
    losses = loss(
        SegOutputs(student), LabelTeacher(2)(labels, torch.Size(SMALL)), labels
    )
    assert losses["rarity_kl"].item() == losses["modulation"].item() == 0
    total = losses["loss_rarity_kl"] + losses["loss_label"]
    assert torch.autograd.grad(total, student)[0].isfinite().all()
