"""Networks of segmentation_models.pytorch."""

from typing import ClassVar

import pytest
import torch

from mmseg_splashkd.models.segmentors.outputs import channels_at, forward_outputs
from tests.models.adapters.families import smp
from tests.models.adapters.tester import AdapterTester
from tests.models.builders import build, preprocessor

# The library resizes so, and MMSegmentation warns of it for most sizes.
pytestmark = pytest.mark.filterwarnings("ignore:When align_corners=True:UserWarning")
library = pytest.importorskip("segmentation_models_pytorch")

VIT = {
    "encoder_name": "tu-vit_tiny_patch16_224",
    "embed_dim": 16,
    "depth": 4,
    "num_heads": 2,
    "dynamic_img_size": True,
    "decoder_intermediate_channels": (8, 8, 8, 8),
    "decoder_fusion_channels": 8,
}


class SMPTester(AdapterTester):
    batches: ClassVar = (2, 3)
    arch: ClassVar[str]
    options: ClassVar[dict] = {}

    def config(self):
        return smp(self.arch, **self.options)

    def network(self):
        network = {**self.config()["network"], "encoder_weights": None}
        return library.create_model(classes=2, **network)

    def predictions(self, network, images):
        return network(images)


class TestUnet(SMPTester):
    stride = 1
    arch = "Unet"
    options: ClassVar = {"decoder_channels": (16, 8, 8, 8, 8)}


class TestFPN(SMPTester):
    stride = 4
    arch = "FPN"
    options: ClassVar = {
        "decoder_pyramid_channels": 8,
        "decoder_segmentation_channels": 32,
        "decoder_dropout": 0.0,
    }


class TestDeepLabV3Plus(SMPTester):
    stride = 4
    arch = "DeepLabV3Plus"
    options: ClassVar = {"decoder_channels": 8, "decoder_aspp_dropout": 0.0}


def test_frames_of_one_channel():
    config = smp("Unet", decoder_channels=(16, 8, 8, 8, 8), in_channels=1)
    config["data_preprocessor"] = preprocessor(mean=[127.5], std=[127.5])
    config["data_preprocessor"].update(bgr_to_rgb=False)
    model = build(config).eval()
    outputs = forward_outputs(model, torch.zeros(1, 1, 33, 47))
    assert outputs.logits.shape == (1, 2, 33, 47)
    assert channels_at(model, 0) == outputs.stages[0].shape[1] == 1


@pytest.mark.parametrize(
    ("network", "match"),
    [
        ({"classes": 3}, "classes=3: set decode_head.num_classes"),
        ({"activation": "softmax"}, "take logits"),
        ({"arch": "Uned"}, "Wrong architecture type `Uned`"),
        ({"encoder_name": "resnet19"}, "Wrong encoder name `resnet19`"),
        ({"decoder_chanels": (1,)}, "decoder_chanels"),
        (
            {"encoder_name": "resnet18", "decoder_chanels": (1,)},
            r"decoder_chanels=\(1,\) is no argument of Unet; .*'decoder_channels'",
        ),
        (
            {"encoder_name": "resnet18", "encoder_weights": "imagnet"},
            r"encoder_weights='imagnet': the library has \['imagenet', .*for resnet18",
        ),
    ],
)
def test_arguments_that_the_library_does_not_take_are_refused(network, match):
    with pytest.raises(ValueError, match=match):
        build(smp(**{"arch": "Unet", **network}))
