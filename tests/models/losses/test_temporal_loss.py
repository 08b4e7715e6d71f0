import pytest
import torch
from mmseg.registry import MODELS

from mmseg_splashkd.models.losses.functional import temporal_disagreement
from tests.models.losses.functional.test_temporal import random_pair


def loss_of(paired: list[bool], iteration: int = 0, **options) -> dict[str, float]:
    loss = MODELS.build({"type": "TemporalConsistencyLoss", **options})
    terms = loss(*random_pair(), torch.tensor(paired), iteration)
    return {name: value.item() for name, value in terms.items()}


def test_frames_without_a_neighbour_add_nothing_and_are_counted():
    first, second = temporal_disagreement(*random_pair()).tolist()
    assert loss_of([True, True])["temporal"] == pytest.approx((first + second) / 2)
    found = loss_of([False, True], weight=3.0)
    assert found == pytest.approx(
        {"temporal": second, "loss_temporal": 3 * second, "paired": 50}
    )
    none = loss_of([False, False])
    assert none == {"temporal": 0, "loss_temporal": 0, "paired": 0}


def test_weight_follows_its_schedule_and_alpha_is_passed_on():
    ramp = {"kind": "linear", "end": 2.0, "until": 4}
    found = [loss_of([True] * 2, i, weight=ramp, alpha=0.5) for i in (0, 1, 4)]
    mean = temporal_disagreement(*random_pair(), alpha=0.5).mean().item()
    assert [each["loss_temporal"] for each in found] == pytest.approx(
        [0, mean / 2, 2 * mean]
    )


@pytest.mark.parametrize("option", [{"weight": -1.0}, {"alpha": -1.0}, {"alpha": "x"}])
def test_arguments_out_of_range_are_refused(option):
    with pytest.raises(ValueError, match=f"temporal_loss.{next(iter(option))}"):
        MODELS.build({"type": "TemporalConsistencyLoss", **option})
