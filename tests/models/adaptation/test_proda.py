"""Stage 1 of ProDA, its losses from the features in float64 NumPy."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mmseg_splashkd.models.adaptation.methods import proda
from mmseg_splashkd.models.adaptation.methods.proda import PoorStartError
from mmseg_splashkd.models.segmentors.outputs import forward_outputs
from tests.models.adaptation.test_adaptation_segmentor import (
    adapter,
    at,
    balanced,
    first_step,  # noqa: F401  (a fixture)
    images_of,
    pair_batch,
    step,
)
from tests.models.builders import segformer

NAME = "PrototypeDenoising"


def in_numpy(network: Any, images: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, D) and probabilities (N, C) of all pixels."""
    network = network.eval()
    with torch.no_grad():
        outputs = forward_outputs(network, images, fused=True)
    flat = [
        outputs.at(tap).movedim(1, -1).flatten(0, 2).double().numpy()
        for tap in ("fused", "logits")
    ]
    e = np.exp(flat[1] - flat[1].max(1, keepdims=True))
    return flat[0], e / e.sum(1, keepdims=True)


def test_first_prototypes_are_means_of_the_warm_up():
    model = adapter(segformer(), NAME, first_steps=2)
    features, labels = [], []
    for iteration, seed in enumerate((4, 5)):
        at(iteration)
        batch = pair_batch(seed=seed)
        assert not any("proto" in k or "corrected" in k for k in step(model, batch))
        vectors, p = in_numpy(model.method.warm, images_of(model, batch))
        features.append(vectors)
        labels.append(p.argmax(1))
        with torch.no_grad():  # the warm-up stays what the network was
            model.student.decode_head.conv_seg.weight.add_(1.0)
    vectors, index = np.concatenate(features), np.concatenate(labels)
    expected = np.stack([vectors[index == k].mean(0) for k in (0, 1)])
    np.testing.assert_allclose(model.method.prototypes, expected, rtol=1e-5)
    assert model.method.pixels.tolist() == np.bincount(index).tolist()


def test_losses_are_those_of_the_paper(monkeypatch):
    monkeypatch.setattr(proda, "strong_view", lambda images, _: images + 0.5)
    options: Any = {"tau": 0.5, "alpha": 0.3, "beta": 0.7}
    options |= {"structure_weight": 2.0, "degeneration_weight": 0.25}
    model = adapter(segformer(), NAME, average=0.5, momentum=0.75, **options)
    batch = pair_batch()
    step(model, batch)
    with torch.no_grad():
        for each in model.student.decode_head.parameters():
            each.add_(0.05)
    at(1)
    method = model.method
    eta = method.prototypes.numpy().copy()
    model.student.eval()  # dropout is 0: only batch norm would differ
    torch.manual_seed(0)
    targets = images_of(model, batch)
    losses = step(model, batch)
    _, p0 = in_numpy(method.warm, targets)
    vectors, _ = in_numpy(method.teacher, targets)

    def away(v: np.ndarray) -> np.ndarray:
        return np.sqrt(((v[:, None] - eta) ** 2).sum(2))

    def near(v: np.ndarray) -> np.ndarray:
        e = np.exp(-away(v) / options["tau"])
        return e / e.sum(1, keepdims=True)

    labels = (near(vectors) * p0).argmax(1)
    assert 0 < labels.mean() < 1
    changed = 100 * (labels != p0.argmax(1)).mean()
    assert losses["changed"].item() == pytest.approx(changed)
    _, p = in_numpy(model.student, targets)
    one_hot = np.eye(2)[labels]
    forward = -(one_hot * np.log(p)).sum(1).mean()
    reverse = -(p * np.log(one_hot.clip(1e-4))).sum(1).mean()
    corrected = options["alpha"] * forward + options["beta"] * reverse
    assert losses["loss_corrected"].item() == pytest.approx(corrected, rel=1e-4)
    strong, _ = in_numpy(model.student, targets + 0.5)
    z, taught = near(vectors), near(strong)
    structure = 2.0 * (z * np.log(z / taught)).sum(1).mean()
    assert losses["loss_structure"].item() == pytest.approx(structure, rel=1e-3)
    degeneration = -0.25 * np.log(p).mean()
    assert losses["loss_degeneration"].item() == pytest.approx(degeneration, rel=1e-4)
    means = np.stack([vectors[labels == k].mean(0) for k in (0, 1)])
    expected = 0.75 * eta + 0.25 * means
    np.testing.assert_allclose(method.prototypes, expected, rtol=1e-5)


def without(missing: int, gate: float | None = None) -> Any:
    """A network that never predicts one of two classes."""
    model = adapter(segformer(), NAME, gate=gate)
    bias = torch.full((2,), 50.0)
    bias[missing] = -50.0
    with torch.no_grad():
        model.student.decode_head.conv_seg.bias.copy_(bias)
    return model


def test_a_warm_up_without_a_class_is_refused():
    with pytest.raises(PoorStartError, match=r"class 1 has 0.000% .* too poor"):
        step(without(1, gate=1e9), pair_batch())


@pytest.mark.parametrize("missing", [0, 1])
def test_without_a_gate_a_class_without_predictions_is_not_taught(missing, monkeypatch):
    model = without(missing)
    logged: list[str] = []
    module = "mmseg_splashkd.models.adaptation.methods.proda"
    monkeypatch.setattr(f"{module}.print_log", lambda text, *_: logged.append(text))
    step(model, pair_batch())
    assert [each[:24] for each in logged] == [f"class {missing} has no pixel in "]
    at(1)
    assert step(model, pair_batch())["loss_structure"] == 0  # of one class
    # The moving average is nearest to the prototype that is not there.
    with torch.no_grad():
        model.method.prototypes[1 - missing] += 1e3
    losses = step(model, pair_batch())
    assert losses["changed"] == 0
    assert all(value.isfinite() for value in losses.values())


def test_a_warm_up_with_too_much_of_a_class_is_refused():
    batch = pair_batch()
    for sample in batch["data_samples"]:  # 1 of 64 pixels is of class 1
        sample.gt_sem_seg.data.zero_()[0, ::8, ::8] = 1
    refused, taken = (adapter(segformer(), NAME, gate=gate) for gate in (20.0, 80.0))
    with pytest.raises(PoorStartError, match=r"class 1 has 50.* 1.562% .* gate=20.0"):
        step(balanced(refused, batch), batch)
    step(balanced(taken, batch), batch)


def test_a_class_that_the_source_lacks_is_refused():
    batch = pair_batch()
    for sample in batch["data_samples"]:
        sample.gt_sem_seg.data.zero_()
    with pytest.raises(PoorStartError, match="class 1 is in no label of the source"):
        step(adapter(segformer(), NAME), batch)
