"""Losses that do not train one logit per pixel, beside those of ``test_training``."""

import pytest
from mmengine.config import Config
from mmseg.models.losses import DiceLoss

from mmseg_splashkd.config.head_check import check_heads

SIGMOID = {"type": "CrossEntropyLoss", "use_sigmoid": True}
LOVASZ = {"type": "LovaszLoss", "loss_type": "binary", "reduction": "none"}


def checked(loss: dict | list[dict], classes: int = 2, distils: bool = False) -> None:
    """Check a model with one output channel."""
    head = {"out_channels": 1, "num_classes": classes, "loss_decode": loss}
    model = {"type": "EncoderDecoder", "decode_head": head}
    if distils:
        model = {"type": "DistillSegmentor", "student": model}
    check_heads(Config({"model": model}))


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ({"type": "DiceLoss"}, "DiceLoss, which takes class 0 for class 1: take dict"),
        ({"type": "TverskyLoss"}, "TverskyLoss, which applies a softmax, which is 1"),
        (
            {**LOVASZ, "loss_type": "multi_class"},
            "LovaszLoss, .* loss_type='binary': t",
        ),
        ([SIGMOID, {"type": "mmseg.DiceLoss"}], r"mmseg\.DiceLoss, which takes class "),
        ([SIGMOID, {"type": DiceLoss}], "DiceLoss, which takes class 0 for class 1"),
    ],
    ids=["dice", "tversky", "lovasz", "scope", "class"],
)
@pytest.mark.parametrize("distils", [False, True])
def test_losses_that_do_not_train_one_logit_are_refused(loss, message, distils):
    key = r"^model\.student\." if distils else r"^model\."
    with pytest.raises(ValueError, match=rf"{key}.*=1 with .*loss_decode={message}"):
        checked(loss, distils=distils)


def test_losses_of_a_sigmoid_are_accepted_for_two_classes():
    checked([SIGMOID, LOVASZ, {"type": "SMPLoss", "mode": "binary"}])
    with pytest.raises(
        ValueError, match="num_classes=3: one logit per pixel is for tw"
    ):
        checked(SIGMOID, classes=3)
