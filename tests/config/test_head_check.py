"""Losses that do not train one logit per pixel, beside those of ``test_training``."""

import pytest
from mmengine.config import Config
from mmseg.models.losses import DiceLoss
from torch import nn

from mmseg_splashkd.config.faults import ConfigError
from mmseg_splashkd.config.head_check import check_heads

SIGMOID = {"type": "CrossEntropyLoss", "use_sigmoid": True}
LOVASZ = {"type": "LovaszLoss", "loss_type": "binary", "reduction": "none"}


def checked(
    loss: dict | list[dict],
    classes: int = 2,
    distils: bool = False,
    head: str = "FCNHead",
) -> None:
    """Check a model with one output channel."""
    config = {"type": head, "out_channels": 1, "num_classes": classes}
    config["loss_decode"] = loss
    model = {"type": "EncoderDecoder", "decode_head": config}
    if distils:
        model = {"type": "DistillSegmentor", "student": model}
    check_heads(Config({"model": model}))


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ({"type": "DiceLoss"}, r"DiceLoss \(dice\) does not raise"),
        ({"type": "TverskyLoss"}, r"TverskyLoss \(tversky\) does not raise"),
        ({**LOVASZ, "loss_type": "multi_class"}, "LovaszLoss .*cannot be computed"),
        ([SIGMOID, {"type": "mmseg.DiceLoss"}], r"DiceLoss \(dice\) does not"),
        ([SIGMOID, {"type": DiceLoss}], r"DiceLoss \(dice\) does not raise"),
        ({"type": "OhemCrossEntropy"}, r"OhemCrossEntropy \(ohem\) cannot be comp"),
        ({"type": "HuasdorffDisstanceLoss"}, "HuasdorffDisstanceLoss .*cannot be"),
    ],
    ids=["dice", "tversky", "lovasz", "scope", "class", "ohem", "distance"],
)
@pytest.mark.parametrize("distils", [False, True])
def test_losses_that_do_not_train_one_logit_are_refused(loss, message, distils):
    key = r"^model\.student\." if distils else r"^model\."
    remedy = r"Take CrossEntropyLoss\(use_sigmoid=True\), .*, or set out_channels=2"
    with pytest.raises(
        ConfigError, match=rf"{key}decode_head\.loss_decode: {message}.*{remedy}"
    ):
        checked(loss, distils=distils)


def test_a_loss_of_another_library_in_the_wrong_mode_is_refused():
    pytest.importorskip("segmentation_models_pytorch")
    with pytest.raises(ConfigError, match=r"SMPLoss \(dice\) .*1 logits per pixel"):
        checked({"type": "SMPLoss", "loss": "DiceLoss"})


class Own(nn.Module):
    """A loss that MMSegmentation does not know, for a head of its own."""


def test_losses_of_others_and_of_heads_with_arguments_of_their_own_are_not_tried():
    checked({"type": Own})
    checked({"type": "BoundaryLoss"}, head="PIDHead")
    checked({"type": "CrossEntropyLoss", "use_sigmoid": True, "loss_name": "mine"})


def test_losses_of_a_sigmoid_are_accepted_for_two_classes():
    checked([SIGMOID, LOVASZ, {"type": "SMPLoss", "mode": "binary"}])
    with pytest.raises(
        ValueError, match="num_classes=3: one logit per pixel is for tw"
    ):
        checked(SIGMOID, classes=3)
