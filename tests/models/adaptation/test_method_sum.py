"""Several methods of adaptation at once."""

import pytest
import torch
from torch import Tensor

from tests.models.adaptation.test_adaptation_segmentor import (
    METHODS,
    adapter,
    first_step,  # noqa: F401  (a fixture)
    pair_batch,
    step,
)
from tests.models.builders import build, fcn


def test_a_sum_has_the_losses_of_each_method():
    model = adapter(fcn(), "MethodSum")
    first, second = METHODS["MethodSum"]["methods"]
    expected: dict[str, Tensor] = {}
    for number, config in enumerate((first, second)):
        alone = build(
            {"type": "AdaptationSegmentor", "student": fcn(), "method": config}
        )
        alone.student.load_state_dict(model.student.state_dict())
        own = model.method.methods[number].state_dict()
        alone.method.load_state_dict(own)
        expected |= step(alone.train(), pair_batch())
    losses = step(model, pair_batch())
    assert losses.keys() == expected.keys()
    assert {"loss_entropy", "loss_adversarial", "loss_domain"} < losses.keys()
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value, msg=name)


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ([{"type": "MinEntropy"}], "methods has 1: give two or more"),
        (
            [{"type": "MethodSum", **METHODS["MethodSum"]}],
            "methods has a MethodSum: name its methods in this one",
        ),
        (
            [{"type": "MinEntropy"}, {"type": "MinEntropy", "share": 0.3}],
            "methods has more than one MinEntropy",
        ),
    ],
)
def test_what_is_no_sum_is_refused(methods, message):
    with pytest.raises(ValueError, match=message):
        adapter(fcn(), "MethodSum", methods=methods)
