"""The three totals of the original experiments in float64, and their gradients."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses import FocalModulatedKDLoss, functional
from mmseg_splashkd.models.segmentors.outputs import SegOutputs
from tests.models.builders import build, distiller, fcn, segformer
from tests.models.losses import oracles
from tests.models.losses.oracles import numpy64

MODULATE = ["none", "kd", "both"]
TERMS = {"loss_label", "loss_distill", "label", "distill", "modulation"}


def batch(label_size: tuple[int, int] = (12, 20)) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (2, 3, 6, 10) of student and teacher, labels (2, H, W), a row ignored."""
    generator = torch.Generator().manual_seed(0)
    student, teacher = 2 * torch.randn(2, 2, 3, 6, 10, generator=generator)
    labels = torch.randint(3, (2, *label_size), generator=generator)
    labels[:, 0] = 255
    return student, teacher, labels


def upsampled(logits: Tensor, labels: Tensor, align_corners: bool = False) -> Tensor:
    size = labels.shape[-2:]
    return F.interpolate(
        logits.double(), size, mode="bilinear", align_corners=align_corners
    )


def table(modulate: str, r: float, label: float, distill: float, m: float) -> float:
    """Totals of the original experiments: 0520 none, 0610 to 0627 kd, 0604 both."""
    return {
        "none": (1 - r) * label + r * distill,
        "kd": (1 - r) * label + r * m * distill,
        "both": m * ((1 - r) * label + r * distill),
    }[modulate]


def call(
    loss: FocalModulatedKDLoss, student: Tensor, teacher: Tensor, *rest, **options
) -> dict[str, Tensor]:
    return loss(SegOutputs(student), SegOutputs(teacher), *rest, **options)


def total(losses: dict[str, Tensor]) -> Tensor:
    """The sum of losses that mmengine minimises."""
    return torch.stack([term for name, term in losses.items() if "loss" in name]).sum()


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("label_loss", ["focal", "ce"])
@pytest.mark.parametrize("r", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("modulate", MODULATE)
def test_total_is_that_of_the_original_experiments(
    modulate, r, label_loss, gamma, temperature
):
    student, teacher, labels = batch()
    loss = FocalModulatedKDLoss(r, label_loss, gamma, temperature, modulate=modulate)

    losses = call(loss, student, teacher, labels)
    logits, truth = numpy64(upsampled(student, labels)), labels.numpy()
    label = oracles.focal(logits, truth, gamma if label_loss == "focal" else 0.0)
    distill = oracles.kl(numpy64(student), numpy64(teacher), temperature)
    m = oracles.modulation(logits, truth, gamma)
    assert losses["label"].item() == pytest.approx(label, rel=1e-5)
    assert ("distill" in losses) == (r > 0)  # a teacher without weight does not run
    if r > 0:
        assert losses["distill"].item() == pytest.approx(distill, rel=1e-5)
    assert losses["modulation"].item() == pytest.approx(m, rel=1e-5)
    expected = table(modulate, r, label, distill, m)
    assert total(losses).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("modulate", MODULATE)
def test_terms_are_the_logged_numbers_times_their_factors_to_the_last_digit(modulate):
    losses = call(FocalModulatedKDLoss(0.3, modulate=modulate), *batch())

    label, distill, m = losses["label"], losses["distill"], losses["modulation"]
    label_factor = m if modulate == "both" else 1
    distill_factor = 1 if modulate == "none" else m
    assert torch.equal(losses["loss_label"], (1 - 0.3) * label_factor * label)
    assert torch.equal(losses["loss_distill"], 0.3 * distill_factor * distill)


def test_defaults():
    student, teacher, labels = batch()

    explicit = FocalModulatedKDLoss(0.5, "focal", 2.0, 1.0, "kd", False)
    assert torch.equal(
        total(call(FocalModulatedKDLoss(), student, teacher, labels)),
        total(call(explicit, student, teacher, labels)),
    )


@pytest.mark.parametrize("align_corners", [False, True])
def test_logits_are_upsampled_to_the_labels(align_corners):
    student, teacher, labels = batch((17, 23))

    losses = call(FocalModulatedKDLoss(), student, teacher, labels, align_corners)
    logits = numpy64(upsampled(student, labels, align_corners))
    expected = oracles.focal(logits, labels.numpy(), 2.0)
    assert losses["label"].item() == pytest.approx(expected, rel=1e-5)
    m = oracles.modulation(logits, labels.numpy(), 2.0)
    assert losses["modulation"].item() == pytest.approx(m, rel=1e-5)


@pytest.mark.parametrize("weights", [[1.0], [1.0] * 4], ids=len)
def test_weights_of_another_number_of_classes_are_refused(weights):
    loss = FocalModulatedKDLoss(class_weight=weights)
    message = f"distill_loss.class_weight=.* has {len(weights)} weights for 3 classes"
    with pytest.raises(ValueError, match=message):
        loss.bind(*[build(fcn(3, channels=5))] * 2)


def test_class_weights_change_the_label_term_alone():
    student, teacher, labels = batch()

    losses = call(
        FocalModulatedKDLoss(class_weight=[1, 2, 5]), student, teacher, labels
    )
    plain = call(FocalModulatedKDLoss(), student, teacher, labels)
    logits = numpy64(upsampled(student, labels))
    weight = numpy64(torch.tensor([1.0, 2.0, 5.0]))
    expected = oracles.focal(logits, labels.numpy(), 2.0, weight)
    assert losses["label"].item() == pytest.approx(expected, rel=1e-5)
    assert torch.equal(losses["modulation"], plain["modulation"])
    assert torch.equal(losses["distill"], plain["distill"])


def test_mmengine_sums_weighted_terms_only():
    losses = call(FocalModulatedKDLoss(), *batch())

    assert losses.keys() == TERMS
    summed, log = build(fcn()).parse_losses(losses)
    assert summed.item() == (losses["loss_label"] + losses["loss_distill"]).item()
    assert log.keys() == TERMS | {"loss"}


def test_logged_values_have_no_gradient():
    student, teacher, labels = batch()

    losses = call(FocalModulatedKDLoss(), student.requires_grad_(), teacher, labels)
    attached = {name for name, term in losses.items() if term.requires_grad}
    assert attached == {"loss_label", "loss_distill"}


def pull(loss: FocalModulatedKDLoss) -> Tensor:
    student, teacher, labels = batch()
    student.requires_grad_()
    return torch.autograd.grad(total(call(loss, student, teacher, labels)), student)[0]


@pytest.mark.parametrize("modulate", ["kd", "both"])
def test_gradient_flows_through_m_unless_detached(modulate):
    student, teacher, labels = batch()
    free = FocalModulatedKDLoss(0.3, modulate=modulate)
    detached = FocalModulatedKDLoss(0.3, modulate=modulate, detach_modulation=True)

    value = total(call(free, student, teacher, labels))
    assert torch.equal(value, total(call(detached, student, teacher, labels)))

    leaf = student.clone().requires_grad_()
    losses = call(free, leaf, teacher, labels)
    probability = upsampled(leaf, labels).softmax(1)
    truth = labels.where(labels != 255, 0)[:, None]
    error = 1 - probability.gather(1, truth).squeeze(1)[labels != 255]
    (through_m,) = torch.autograd.grad((error**2).mean(), leaf)
    label, distill = losses["label"], losses["distill"]
    modulated = {"kd": 0.3 * distill, "both": 0.7 * label + 0.3 * distill}[modulate]
    torch.testing.assert_close(pull(free) - pull(detached), modulated * through_m)


def test_detaching_changes_nothing_where_nothing_is_modulated():
    detached = FocalModulatedKDLoss(modulate="none", detach_modulation=True)
    assert torch.equal(pull(FocalModulatedKDLoss(modulate="none")), pull(detached))


@pytest.mark.parametrize("modulate", MODULATE)
def test_unlabelled_frames_are_distilled_unless_modulated(modulate):
    student, teacher, labels = batch()
    labels.fill_(255)

    losses = call(FocalModulatedKDLoss(modulate=modulate), student, teacher, labels)
    assert losses["loss_label"].item() == 0
    assert losses["modulation"].item() == 0
    distilled = 0.5 * losses["distill"].item() if modulate == "none" else 0
    assert losses["loss_distill"].item() == pytest.approx(distilled)


def test_another_label_may_be_the_ignored_one():
    student, teacher, labels = batch()
    renamed = labels.where(labels != 255, 7)

    expected = call(FocalModulatedKDLoss(), student, teacher, labels)
    actual = call(FocalModulatedKDLoss(ignore_index=7), student, teacher, renamed)
    torch.testing.assert_close(actual, expected)


def test_holds_no_weights():
    assert FocalModulatedKDLoss(class_weight=[1, 2, 3]).state_dict() == {}


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("teacher_ratio", -0.1),
        ("teacher_ratio", 1.1),
        ("teacher_ratio", float("nan")),
        ("gamma", -1),
        ("temperature", 0),
        ("temperature", -4.0),
        ("modulate", "label"),
        ("label_loss", "dice"),
    ],
)
def test_arguments_out_of_range_are_refused(argument, value):
    with pytest.raises(ValueError, match=f"{argument} must .*got {value!r}"):
        FocalModulatedKDLoss(**{argument: value})


# Any terms, in one line each.


def features(seed: int) -> SegOutputs:
    """SegOutputs with logits (2, 3, 6, 10) and fused features (2, 5, 6, 10)."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 3, 6, 10, generator=generator)
    fused = torch.randn(2, 5, 6, 10, generator=generator)
    return SegOutputs(logits, (fused, fused), fused)


KL = {"type": "KLDLoss", "temperature": 2.0, "weight": 0.7}
CWD = {"type": "CWDLoss", "temperature": 4.0, "weight": 3.0}
FEATURES = {"type": "FeatureMSELoss", "weight": 0.1}


@pytest.mark.parametrize("modulate", MODULATE)
def test_terms_are_summed_with_their_weights(modulate):
    _, _, labels = batch()
    student, teacher = features(0), features(1)
    loss = FocalModulatedKDLoss(0.3, modulate=modulate, terms=[KL, CWD, FEATURES])
    loss.bind(*[build(fcn(3, channels=5))] * 2)

    losses = loss(student, teacher, labels)
    logits = numpy64(upsampled(student.logits, labels))
    m = oracles.modulation(logits, labels.numpy(), 2.0)
    label = oracles.focal(logits, labels.numpy(), 2.0)
    ours, theirs = numpy64(student.logits), numpy64(teacher.logits)
    distance = numpy64(student.at("fused")) - numpy64(teacher.at("fused"))
    kl, mse = oracles.kl(ours, theirs, 2.0), (distance**2).mean()
    cwd = losses["cwd"].item()  # its formula has a test of its own
    assert losses["kl"].item() == pytest.approx(kl, rel=1e-5)
    assert losses["feature_mse"].item() == pytest.approx(mse, rel=1e-5)
    distill = 0.7 * kl + 3.0 * cwd + 0.1 * mse
    expected = table(modulate, 0.3, label, distill, m)
    assert total(losses).item() == pytest.approx(expected, rel=1e-5)
    named = {"kl", "cwd", "feature_mse"}
    logged = {"label", "modulation", *named, *(f"loss_{name}" for name in named)}
    assert losses.keys() == {"loss_label", *logged}


# m of the student's error where the teacher is sure, in place of all labels.


@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.parametrize(("classes", "threshold"), [([1], 0.5), ([0, 2], 0.7)])
def test_m_may_be_the_student_s_error_on_classes_of_the_teacher(
    classes, threshold, detach
):
    student, teacher, labels = batch()
    student.requires_grad_()
    chosen = {"classes": classes, "threshold": threshold}
    loss = FocalModulatedKDLoss(0.3, student_error=chosen, detach_modulation=detach)

    losses = call(loss, student, teacher, labels)
    m = oracles.student_error(
        numpy64(student), numpy64(teacher), 2.0, threshold, classes
    )
    distill = oracles.kl(numpy64(student), numpy64(teacher), 1.0)
    assert losses.keys() == TERMS
    assert losses["modulation"].item() == pytest.approx(m, rel=1e-5)
    assert losses["loss_distill"].item() == pytest.approx(0.3 * m * distill, rel=1e-5)
    plain = call(FocalModulatedKDLoss(0.3), student, teacher, labels)
    assert torch.equal(losses["loss_label"], plain["loss_label"])
    (actual,) = torch.autograd.grad(losses["loss_distill"], student)
    leaf = student.detach().clone().requires_grad_()
    kl = functional.kl_divergence(leaf, teacher)
    (through_kl,) = torch.autograd.grad(kl, leaf)
    rest = actual - 0.3 * losses["modulation"] * through_kl
    assert (rest.abs().max().item() < 1e-7) is detach


def test_unlabelled_frames_are_distilled_by_the_student_s_error():
    student, teacher, labels = batch()
    loss = FocalModulatedKDLoss(student_error={})

    expected = call(loss, student, teacher, labels)
    actual = call(loss, student, teacher, torch.full_like(labels, 255))
    assert actual["loss_label"].item() == 0
    assert torch.equal(actual["loss_distill"], expected["loss_distill"])
    assert actual["modulation"].item() > 0.1


def test_an_error_of_the_student_that_no_term_uses_is_refused():
    terms = [{"type": "KLDLoss", "modulate": False}]
    with pytest.raises(
        ValueError, match=r"student_error=.*classes.* modulates no term"
    ):
        FocalModulatedKDLoss(student_error={"classes": [1]}, terms=terms)
    FocalModulatedKDLoss(
        student_error={"classes": [1]},
        terms=[*terms, {"type": "KLDLoss", "name": "soft"}],
    )


def test_without_a_teacher_there_is_no_error_to_log():
    student, _, labels = batch()
    never = {"end": 0.5, "stop_at": 3}
    loss = FocalModulatedKDLoss(never, student_error={"classes": [1]})

    losses = loss(SegOutputs(student), None, labels, iteration=3)
    assert losses["modulation"].isnan()
    assert total(losses).isfinite()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, r"student_error takes a dict with \['classes', 'threshold'\], got True"),
        ({"class": [1]}, "student_error takes a dict"),
        ({"threshold": 1.1}, r"threshold must lie in \[0, 1\], got 1.1"),
        ({"classes": []}, r"student_error.classes must be .*indices, got \[\]"),
        ({"classes": 1}, "classes must be different class indices, got 1"),
        ({"classes": [1, 1]}, "classes must be different"),
        ({"classes": [-1]}, "classes must be different"),
        ({"classes": "1"}, "classes must be different"),
    ],
)
def test_invalid_pixels_of_the_student_s_error_are_refused(value, message):
    with pytest.raises(ValueError, match=message):
        FocalModulatedKDLoss(student_error=value)


@pytest.mark.parametrize("modulate", ["none", "both"])
def test_the_student_s_error_modulates_the_terms_alone(modulate):
    with pytest.raises(ValueError, match=f"needs modulate='kd', got '{modulate}'"):
        FocalModulatedKDLoss(modulate=modulate, student_error={})


def test_classes_of_the_student_s_error_must_exist():
    models = [build(fcn(3, channels=5))] * 2
    FocalModulatedKDLoss(student_error={"classes": [2]}).bind(*models)
    with pytest.raises(ValueError, match=r"classes=\[1, 3\] has 3, .*classes 0 to 2"):
        FocalModulatedKDLoss(student_error={"classes": [1, 3]}).bind(*models)


def test_a_term_may_stay_out_of_the_modulation():
    student, teacher, labels = batch()
    free = {"type": "KLDLoss", "modulate": False}
    losses = call(FocalModulatedKDLoss(0.3, terms=[free]), student, teacher, labels)
    assert losses["loss_kl"].item() == pytest.approx(0.3 * losses["kl"].item())


def test_schedules_follow_the_iteration_and_are_logged():
    student, teacher, labels = batch()
    loss = FocalModulatedKDLoss(
        {"kind": "linear", "end": 0.8, "until": 10},
        modulate="none",
        terms=[{**KL, "weight": {"end": 2.0, "stop_at": 7}}],
    )

    assert not loss.uses_teacher(0)
    assert loss.uses_teacher(5)
    assert not loss.uses_teacher(7)
    losses = call(loss, student, teacher, labels, iteration=5)
    assert losses["teacher_ratio"].item() == pytest.approx(0.4)
    assert losses["weight_kl"].item() == 2.0
    expected = 0.6 * losses["label"] + 0.4 * 2.0 * losses["kl"]
    assert total(losses).item() == pytest.approx(expected.item())
    stopped = loss(SegOutputs(student), None, labels, iteration=8)
    assert stopped["loss_kl"].item() == 0
    assert stopped["weight_kl"].item() == 0
    assert stopped["kl"].isnan()  # or the log would go on with an older one
    assert stopped["loss_label"].item() == pytest.approx(
        (1 - 0.64) * losses["label"].item()
    )


def test_the_label_term_may_decay_to_0():
    student, teacher, labels = batch()
    decay = {"kind": "linear", "start": 0.5, "end": 1.0, "until": 10}
    loss = FocalModulatedKDLoss(decay, modulate="none")
    for iteration, share in ((0, 0.5), (5, 0.25), (10, 0.0), (11, 0.0)):
        losses = call(loss, student, teacher, labels, iteration=iteration)
        assert torch.equal(losses["loss_label"], share * losses["label"])
        assert torch.equal(losses["loss_distill"], (1 - share) * losses["distill"])


def test_a_stopped_term_still_has_a_gradient_for_its_projector():
    _, _, labels = batch()
    never = {**FEATURES, "weight": {"end": 1.0, "stop_at": 0}}
    loss = FocalModulatedKDLoss(terms=[KL, never])
    loss.bind(build(fcn(3, channels=5)), build(fcn(3, channels=7)))

    total(loss(features(0), features(1), labels)).backward()
    projector = list(loss.parameters())
    assert projector[0].shape == (7, 5, 1, 1)
    for weight in projector:
        assert weight.grad is not None
        assert not weight.grad.any()


def test_the_fitted_temperature_is_set_where_configured():
    student, teacher, labels = batch()
    loss = FocalModulatedKDLoss(terms=[{"type": "KLDLoss", "temperature": "fitted"}])
    assert loss.needs_fitted_temperature
    with pytest.raises(RuntimeError, match="fit"):
        call(loss, student, teacher, labels)

    loss.set_fitted_temperature(2.5)
    assert not loss.needs_fitted_temperature
    losses = call(loss, student, teacher, labels)
    expected = oracles.kl(numpy64(student), numpy64(teacher), 2.5)
    assert losses["kl"].item() == pytest.approx(expected, rel=1e-5)
    assert not FocalModulatedKDLoss(temperature=3.0).needs_fitted_temperature
    assert FocalModulatedKDLoss(temperature="fitted").needs_fitted_temperature


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"terms": []}, "leaves no loss against the teacher"),
        ({"terms": [KL, KL]}, "the name 'kl' is taken"),
        ({"terms": [{**KL, "name": "label"}]}, "the name 'label' is taken"),
        ({"terms": [{**KL, "name": "acc_teacher"}]}, "the name 'acc_teacher' is taken"),
        ({"terms": [{**KL, "name": "weight_kl"}]}, "the name 'weight_kl' is taken"),
        ({"terms": [{**KL, "name": "floss"}]}, "name='floss' .* contains 'loss'"),
        ({"terms": [KL], "temperature": 2.0}, "set it on a term"),
        ({"terms": [{"type": "SoftmaxFocalLoss"}]}, "is not a DistillTerm"),
        ({"terms": [{**KL, "weight": -1.0}]}, "weight of kl must be .*-1"),
        ({"teacher_ratio": {"end": 0.5, "upto": 3}}, r"teacher_ratio has \['upto'\]"),
        (
            {"teacher_ratio": {"kind": "cosine", "end": 2.0, "until": 3}},
            r"teacher_ratio must lie in \[0, 1\]",
        ),
    ],
)
def test_invalid_terms_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        FocalModulatedKDLoss(**options)


def test_a_term_without_a_gradient_is_refused_at_build():
    config = {"type": "FocalModulatedKDLoss", "terms": [{"type": "DISTLoss"}]}
    with pytest.raises(ValueError, match=r"(?s)class_weight.*KLDLoss"):
        distiller(segformer(2), segformer(2), distill_loss=config)
    distiller(segformer(3), segformer(3), distill_loss=config)
