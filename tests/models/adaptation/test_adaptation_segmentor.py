"""An adaptation adds losses, and changes nothing else of a segmentor."""

from functools import partial
from typing import Any

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.adaptation.adversarial import domain_loss
from mmseg_splashkd.models.adaptation.entropy import self_information
from mmseg_splashkd.models.adaptation.methods.proda import PrototypeDenoising
from mmseg_splashkd.models.segmentors.outputs import forward_outputs
from tests.models.builders import (
    build,
    fcn,
    losses_of,
    preprocessor,
    random_batch,
    segformer,
)
from tests.models.segmentors.families import ddrnet, pspnet, unet

METHODS: dict[str, dict[str, Any]] = {
    "MinEntropy": {"prior_weight": 1.0, "share": 0.5},
    "Adversarial": {"channels": 2},
    "MeanTeacher": {"masked_weight": 1.0, "threshold": 0.5, "patch": 8},
    "PrototypeDenoising": {"first_steps": 1, "gate": None},
    "MethodSum": {
        "methods": [
            {"type": "MinEntropy", "weight": 0.1},
            {"type": "Adversarial", "channels": 2, "maps": "entropy"},
        ]
    },
}
FAMILIES = {
    "FCN, auxiliary head": fcn,
    "SegFormer, dropout": partial(segformer, drop=0.3),
    "PSPNet": partial(pspnet, auxiliary=True),
    "U-Net": unet,
    "DDRNet": ddrnet,
}
SIZE = (32, 32)


def adapter(student: dict, method: str, **changes: Any) -> Any:
    """Build an ``AdaptationSegmentor`` in training mode."""
    options = METHODS[method] | changes
    config = {"type": "AdaptationSegmentor", "student": student}
    return build(config | {"method": {"type": method, **options}}).train()


def pair_batch(
    target: tuple[int, int] = SIZE, target_seed: int = 7, **options: Any
) -> dict:
    """Two frames of a source, each with an image of a target."""
    batch = random_batch(size=SIZE, **options)
    others = random_batch(size=target, seed=target_seed)["inputs"]
    for sample, other in zip(batch["data_samples"], others, strict=True):
        sample.set_data({"target": PixelData(data=other)})
    return batch


def step(model: Any, batch: dict, seed: int = 3) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return losses_of(model, batch)


def total_of(losses: dict[str, Tensor]) -> Tensor:
    """The sum of all losses, without the figures for the log."""
    return torch.stack([v for name, v in losses.items() if "loss" in name]).sum()


def started(model: Any) -> Any:
    """A model past the first steps, in which a method only looks."""
    if isinstance(model.method, PrototypeDenoising):
        step(balanced(model, pair_batch()), pair_batch())
        at(model.method.first_steps)
    return model


def balanced(model: Any, batch: dict) -> Any:
    """A model of two classes that predicts both of them on half of the target."""
    images, student = images_of(model, batch), model.student
    with torch.no_grad():
        for _ in range(20):  # statistics of batch norms
            forward_outputs(student, images)
        z = forward_outputs(student.eval(), images).logits
        student.decode_head.conv_seg.bias[-1] -= (z[:, 1] - z[:, 0]).median()
    model.train()
    return model


def at(iteration: int) -> None:
    MessageHub.get_current_instance().update_info("iter", iteration)


@pytest.fixture(autouse=True)
def first_step():
    at(0)
    yield
    at(0)


def images_of(model: Any, batch: dict) -> Tensor:
    """Normalised images (B, 3, H, W) of the target."""
    images = [sample.target.data for sample in batch["data_samples"]]
    return torch.stack([*model.data_preprocessor({"inputs": images})["inputs"]])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", FAMILIES)
def test_losses_of_the_source_are_those_of_the_plain_segmentor(method, family):
    model = started(adapter(FAMILIES[family](), method))
    plain = build(FAMILIES[family]()).train()
    plain.load_state_dict(model.state_dict())
    expected = step(plain, random_batch(size=SIZE))
    found = step(model, pair_batch())
    assert {name: found[name].tolist() for name in expected} == {
        name: value.tolist() for name, value in expected.items()
    }
    own = {name for name in found.keys() - expected.keys() if "loss" in name}
    assert own
    assert all(found[name].requires_grad for name in own)


@pytest.mark.parametrize("method", METHODS)
def test_keys_of_a_checkpoint_are_those_of_the_plain_segmentor(method):
    plain, model = build(fcn(), seed=1), adapter(fcn(), method)
    assert model.state_dict().keys() == plain.state_dict().keys()
    model.load_state_dict(plain.state_dict(), strict=True)
    for name, value in model.state_dict().items():
        assert torch.equal(value, plain.state_dict()[name]), name
    batch = random_batch(size=SIZE)
    data = [each.eval().data_preprocessor(batch) for each in (plain, model)]
    logits = [
        m(d["inputs"], mode="tensor") for m, d in zip((plain, model), data, strict=True)
    ]
    assert torch.equal(*logits)


# Entropy


def test_entropy_and_prior_of_the_target():
    model, batch = (
        adapter(segformer(), "MinEntropy", share=None, weight=2.0),
        pair_batch(),
    )
    losses = step(model, batch)
    logits = model.student.encode_decode(images_of(model, batch), [{"img_shape": SIZE}])
    p = F.softmax(logits.double(), dim=1)
    entropy = -(p * p.log2()).sum(1).mean()
    assert losses["loss_entropy"].item() == pytest.approx(2 * entropy.item(), rel=1e-5)
    labels = torch.cat([s.gt_sem_seg.data for s in batch["data_samples"]])
    shares = torch.stack([(labels == k).sum() for k in (0, 1)])
    assert model.method.pixels.tolist() == shares.tolist()
    short = 0.5 * shares / shares.sum() - p.mean((2, 3))
    expected = short.clamp_min(0).sum(1).mean()
    assert losses["loss_prior"].item() == pytest.approx(expected.item(), abs=1e-6)
    step(model, pair_batch())
    assert model.method.pixels.tolist() == (2 * shares).tolist()


def test_without_a_prior_there_is_no_such_loss():
    losses = step(adapter(fcn(), "MinEntropy", prior_weight=0.0), pair_batch())
    assert "loss_prior" not in losses


# Adversarial


@pytest.mark.parametrize("maps", ["probability", "entropy"])
@pytest.mark.parametrize("kind", ["bce", "ls"])
def test_adversarial_step_is_that_of_two_optimizers(maps, kind):
    def optimizers(model: Any) -> list[torch.optim.Optimizer]:
        both = (model.student, model.method)
        return [torch.optim.SGD(each.parameters(), lr=0.1) for each in both]

    options = {"maps": maps, "kind": kind, "weight": 0.5}
    one, two = (adapter(fcn(), "Adversarial", **options) for _ in range(2))
    assert torch.equal(
        *(m.method.discriminators["main"].layers[0].weight for m in (one, two))
    )
    start = one.student.decode_head.conv_seg.weight.detach().clone()
    for seed in range(2):  # the second step follows changed weights of both
        losses = step(one, pair_batch(seed=seed))
        total = total_of(losses)
        for optimizer in optimizers(one):
            optimizer.zero_grad()
        total.backward()
        for optimizer in optimizers(one):
            optimizer.step()
        as_published(two, pair_batch(seed=seed), optimizers(two), maps, kind)
    assert not torch.equal(one.student.decode_head.conv_seg.weight, start)
    pairs = zip(one.named_parameters(), two.parameters(), strict=True)
    for (name, mine), other in pairs:
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-7, msg=name)


def as_published(
    model: Any,
    batch: dict,
    optimizers: list[torch.optim.Optimizer],
    maps: str,
    kind: str,
) -> None:
    """A step as AdaptSegNet takes it: the segmentor, then the discriminator."""
    judge = model.method.discriminators["main"]
    for optimizer in optimizers:
        optimizer.zero_grad()
    judge.requires_grad_(requires_grad=False)
    torch.manual_seed(3)
    images = images_of(model, batch)
    data = model.data_preprocessor(batch, True)
    outputs = forward_outputs(model.student, data["inputs"])
    total_of(model.student.loss(**data)).backward()
    drawn = []
    for logits in (outputs.logits, forward_outputs(model.student, images).logits):
        logits = F.interpolate(logits, SIZE, mode="bilinear", align_corners=False)
        drawn.append(
            logits.softmax(1) if maps == "probability" else self_information(logits)
        )
    (0.5 * domain_loss(judge(drawn[1]), True, kind)).backward()
    judge.requires_grad_(requires_grad=True)
    for each, is_source in zip(drawn, (True, False), strict=True):
        (domain_loss(judge(each.detach()), is_source, kind) / 2).backward()
    for optimizer in optimizers:
        optimizer.step()


def test_two_levels_have_a_discriminator_each():
    model = adapter(fcn(), "Adversarial", auxiliary_weight=2e-4)
    losses = step(model, pair_batch())
    names = {"loss_adversarial", "loss_domain"}
    assert names | {f"aux_{name}" for name in names} <= losses.keys()
    slopes = torch.autograd.grad(
        losses["aux_loss_adversarial"],
        list(model.student.auxiliary_head.parameters()),
        retain_graph=True,
    )
    assert all(slope.abs().sum() > 0 for slope in slopes)
    with pytest.raises(ValueError, match="needs a network with one auxiliary head"):
        adapter(segformer(), "Adversarial", auxiliary_weight=2e-4)


# Mean teacher


def test_the_teacher_follows_the_network():
    model = adapter(fcn(), "MeanTeacher", alpha=0.75)
    name = "decode_head.conv_seg.weight"
    with torch.no_grad():
        model.student.get_parameter(name).fill_(1.0)
    step(model, pair_batch())
    assert (model.method.teacher.get_parameter(name) == 1).all()  # a copy at first
    with torch.no_grad():
        model.student.get_parameter(name).fill_(3.0)
    for iteration, expected in ((1, 2.0), (9, 2.25)):  # 1/2, then 3/4 of itself
        at(iteration)
        step(model, pair_batch())
        assert (model.method.teacher.get_parameter(name) == expected).all()
    assert not any(each.requires_grad for each in model.method.parameters())
    assert not any(each.training for each in model.method.teacher.modules())


def test_mixed_images_have_the_labels_of_both():
    model, batch = (
        adapter(
            segformer(), "MeanTeacher", masked_weight=0.0, patch=None, strength=None
        ),
        pair_batch(),
    )
    losses = step(model, batch)
    targets, teacher = images_of(model, batch), model.method.teacher
    p, answers = teacher.encode_decode(targets, [{"img_shape": SIZE}]).softmax(1).max(1)
    sure = (p >= 0.5).float().mean((1, 2))
    assert losses["sure"].item() == pytest.approx(100 * sure.mean().item())
    data = model.data_preprocessor(batch, True)
    labels = torch.cat([s.gt_sem_seg.data for s in data["data_samples"]])
    # Of two classes one is pasted: all four choices of two images.
    candidates = []
    for chosen in torch.cartesian_prod(torch.arange(2), torch.arange(2)):
        mask = labels == chosen[:, None, None]
        mixed = torch.where(mask[:, None], data["inputs"], targets)
        loss = F.cross_entropy(
            model.student.encode_decode(mixed, [{"img_shape": SIZE}]),
            torch.where(mask, labels, answers),
            reduction="none",
        )
        weights = torch.where(mask, 1.0, sure[:, None, None])
        candidates.append((weights * loss).mean().item())
    assert len(set(candidates)) == 4
    found = losses["loss_mixed"].item()
    assert min(abs(found - each) for each in candidates) < 1e-5


def test_sizes_of_source_and_target_must_be_equal_to_mix():
    model = adapter(fcn(), "MeanTeacher")
    with pytest.raises(ValueError, match=r"\(32, 32\) .* \(32, 48\).*crop or resize"):
        step(model, pair_batch(target=(32, 48)))
    for method in METHODS.keys() - {"MeanTeacher"}:
        at(0)
        step(started(adapter(fcn(), method)), pair_batch(target=(48, 32)))


# Bad input


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("MinEntropy", {"weight": -1.0}, "weight=-1.0 and prior_weight=1.0 must be"),
        ("MinEntropy", {"share": 1.5}, r"share=1.5 must lie in \(0, 1\]"),
        ("MinEntropy", {"weight": 0.0}, "share=0.5 must .* no effect without weight"),
        ("MinEntropy", {"mu": 0.5, "prior_weight": 0.0}, "no effect without prior_w"),
        ("Adversarial", {"maps": "logits"}, "maps must be one of .* got 'logits'"),
        ("Adversarial", {"kind": "hinge"}, "kind must be one of"),
        ("Adversarial", {"weight": 0.0}, "must be above 0"),
        ("MeanTeacher", {"alpha": 1.0}, r"alpha=1.0 must lie in \[0, 1\)"),
        ("MeanTeacher", {"threshold": 2.0}, r"threshold=2.0 must lie in \[0, 1\]"),
        ("MeanTeacher", {"ratio": 0.0}, r"ratio=0.0 must lie in \(0, 1\)"),
        ("MeanTeacher", {"strength": -0.1}, "strength=-0.1 must be at least 0"),
        ("PrototypeDenoising", {"first_steps": 0}, "first_steps=0 must be at least 1"),
        ("PrototypeDenoising", {"gate": 1.0}, "gate=1.0 must be above 1, or None"),
        ("PrototypeDenoising", {"tau": 0.0}, "tau=0.0 must be above 0"),
        ("PrototypeDenoising", {"alpha": 0.0, "beta": 0.0}, "alpha . beta above 0"),
        ("PrototypeDenoising", {"average": 1.0}, r"average=1.0 must lie in \[0, 1\)"),
        ("MeanTeacher", {"masked_weight": 0.0}, "patch=8 and .* without masked_weight"),
    ],
)
def test_arguments_out_of_range(method, options, message):
    with pytest.raises(ValueError, match=message):
        adapter(fcn(), method, **options)


def test_samples_without_a_target_are_an_error():
    with pytest.raises(RuntimeError, match="wrap the training data set in a SourceTar"):
        step(adapter(fcn(), "MinEntropy"), random_batch(size=SIZE))


def test_padded_images_are_refused():
    padded = fcn() | {
        "data_preprocessor": preprocessor(size=(48, 48), size_divisor=None)
    }
    for method in METHODS:
        with pytest.raises(ValueError, match=r"padded to \(48, 48\)"):
            step(adapter(padded, method), pair_batch())
    with pytest.raises(ValueError, match="images of the source are padded by"):
        step(adapter(padded, "Adversarial"), pair_batch(target=(48, 48)))


def test_students_that_the_methods_cannot_train_are_refused():
    with pytest.raises(ValueError, match="student has 1 class, whose entropy is 0"):
        adapter(fcn(1, threshold=0.5), "MinEntropy")
    temporal: dict[str, Any] = {"type": "TemporalEncoderDecoder"}
    temporal["temporal_loss"] = {"type": "TemporalConsistencyLoss", "weight": 1.0}
    with pytest.raises(ValueError, match="own training loss would be left out"):
        adapter(fcn() | temporal, "MinEntropy")


@pytest.mark.parametrize("method", METHODS)
def test_one_logit_for_two_classes_and_synchronised_norms(method):
    sigmoid = {"type": "CrossEntropyLoss", "use_sigmoid": True}
    sigmoid["avg_non_ignore"] = True
    student = fcn(out_channels=1, threshold=0.5, loss_decode=sigmoid)
    model = started(adapter(student, method))
    losses = step(model, pair_batch())
    assert total_of(losses).isfinite()
    converted = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
    assert any(isinstance(m, torch.nn.SyncBatchNorm) for m in converted.modules())


def test_augmented_batches_are_refused():
    student = fcn() | {
        "data_preprocessor": preprocessor(
            batch_augments=[
                {"type": "BatchFixedSizePad", "size": (64, 64), "pad_seg": True}
            ]
        )
    }
    with pytest.raises(ValueError, match="batch_augments changes images"):
        adapter(student, "MinEntropy")
    config = {"type": "AdaptationSegmentor", "student": fcn(), "train_cfg": {"a": 1}}
    with pytest.raises(ValueError, match="no effect on a AdaptationSegmentor"):
        build(config | {"method": {"type": "MinEntropy"}})
