import pytest

from mmseg_splashkd.config.reading import read_config
from tests.conftest import CONFIGS, PLAIN

PSP = CONFIGS / "kd" / "pspnet_r50.py"


@pytest.mark.parametrize(
    ("config", "key"),
    [
        (PLAIN, "model.decode_head.loss_decode.class_weight"),
        (PSP, "model.auxiliary_head.loss_decode.class_weight"),
    ],
    ids=["decode", "auxiliary"],
)
@pytest.mark.parametrize("weights", [[1.0], [1.0, 2.0, 3.0]], ids=len)
def test_weights_of_another_number_of_classes_are_refused(config, key, weights):
    message = f"{key}=.* has {len(weights)} weights, and model.* has num_classes=2"
    with pytest.raises(ValueError, match=message):
        read_config(config, {key: weights})
    assert read_config(config, {key: [1.0, 2.0]})


def test_weights_of_a_list_of_losses_are_checked():
    losses = [{"type": "CrossEntropyLoss", "class_weight": [1.0]}, {"type": "DiceLoss"}]
    with pytest.raises(
        ValueError, match=r"loss_decode.0.class_weight=.* has 1 weights"
    ):
        read_config(PLAIN, {"model.decode_head.loss_decode": losses})
    named = [{"type": "CrossEntropyLoss", "class_weight": "weights.json"}]
    assert read_config(PLAIN, {"model.decode_head.loss_decode": named})
