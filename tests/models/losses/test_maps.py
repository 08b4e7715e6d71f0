"""Losses of maps against labels and against a teacher."""

import numpy as np
import pytest
import torch

from mmseg_splashkd.models.losses.functional.maps import smooth_l1_maps
from tests.models.builders import build

MAPS, TARGETS = torch.randn(
    2, 2, 4, 6, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)


def by_definition(beta: float) -> float:
    distance = np.abs((MAPS - TARGETS).numpy())
    near = distance < beta
    each = np.where(near, distance**2 / (2 * beta), distance - beta / 2)
    return each.mean((0, 2, 3)).sum()


@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_smooth_l1_by_its_definition(beta):
    expected = by_definition(beta)
    assert smooth_l1_maps(MAPS, TARGETS, beta).item() == pytest.approx(expected)
    loss = build({"type": "SmoothL1MapsLoss", "beta": beta, "loss_weight": 0.5})
    assert loss(MAPS, TARGETS).item() == pytest.approx(0.5 * expected)
    term = build({"type": "SmoothL1MapsTerm", "beta": beta})
    found = term.compare(MAPS, TARGETS, TARGETS)
    assert found.item() == pytest.approx(expected)
    assert smooth_l1_maps(MAPS, MAPS).item() == 0


def test_half_precision_is_computed_in_single():
    half = smooth_l1_maps(MAPS.half() * 1e4, TARGETS.half() * 1e4)
    assert half.dtype == torch.float32
    assert half.isfinite()


def test_gradients():
    maps = MAPS.clone().requires_grad_()
    assert torch.autograd.gradcheck(smooth_l1_maps, (maps, TARGETS))


@pytest.mark.parametrize("kind", ["SmoothL1MapsLoss", "SmoothL1MapsTerm"])
def test_refuses_a_beta_of_zero(kind):
    with pytest.raises(ValueError, match="beta must be a number > 0, got 0"):
        build({"type": kind, "beta": 0})


@pytest.mark.parametrize("term", ["KLDLoss", "CWDLoss", "FeatureMSELoss"])
def test_terms_on_classes_or_features_are_refused(term):
    with pytest.raises(ValueError, match=r"compares classes or features.*LogitMSELoss"):
        build({"type": "RegressionKDLoss", "terms": [{"type": term}]})
