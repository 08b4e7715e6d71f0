"""Any pair of families distils, with differing strides, classes and normalisations."""

import copy
from typing import Any

import pytest
import torch

from mmseg_splashkd.models.adapters.smp import build_network as build_smp
from mmseg_splashkd.models.adapters.transformers import (
    build_network as build_transformers,
)
from tests.models.adapters.families import smp, transformers, with_fcn
from tests.models.adapters.test_backbones import DINOV3
from tests.models.builders import distiller, fcn, losses_of, preprocessor, random_batch
from tests.models.builders import segformer as mix_transformer
from tests.models.segmentors.families import deeplabv3plus, pspnet
from tests.models.segmentors.tester import step

pytest.importorskip("segmentation_models_pytorch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore:When align_corners=True:UserWarning")

# Of [0, 1] in the order BGR, as of EfficientNet-Lite: 127.5 for mean and std.
OTHER = preprocessor(mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=False)
FAMILIES = {
    "SegFormer": mix_transformer,
    "PSPNet": pspnet,
    "DeepLabV3+": deeplabv3plus,
    "U-Net of smp": lambda: smp("Unet", decoder_channels=(16, 8, 8, 8, 8)),
    "SegFormer of transformers": lambda: transformers("SegFormer"),
    "DPT of transformers": lambda: transformers("DPT"),
    "Mask2Former of transformers": lambda: transformers("Mask2Former"),
    "EoMT of transformers": lambda: transformers("EoMT"),
    "DINOv3 of timm": lambda: with_fcn(DINOV3, 16, 1),
}
PAIRS = [
    ("SegFormer", "PSPNet"),  # transformer to CNN
    ("DeepLabV3+", "SegFormer"),  # CNN to transformer
    ("Mask2Former of transformers", "DeepLabV3+"),  # queries to CNN
    ("EoMT of transformers", "SegFormer"),
    ("U-Net of smp", "SegFormer"),  # smp to MMSegmentation, and back
    ("PSPNet", "U-Net of smp"),
    ("SegFormer of transformers", "SegFormer"),
    ("DPT of transformers", "SegFormer of transformers"),
    ("DINOv3 of timm", "PSPNet"),
    ("SegFormer", "EoMT of transformers"),  # queries that learn
]


def classes(config: dict, number: int) -> dict:
    """A segmentor with another number of classes."""
    config = copy.deepcopy(config)
    heads = [config["decode_head"], config.get("auxiliary_head")]
    for head in filter(None, heads):
        head.update(num_classes=number, out_channels=number)
    return config


@pytest.mark.parametrize(
    ("teacher", "student"), PAIRS, ids=[" teaches ".join(pair) for pair in PAIRS]
)
def test_a_pair_distils(teacher, student):
    """The teacher knows three classes in another order, and other colours."""
    large = classes(FAMILIES[teacher](), 3) | {"data_preprocessor": OTHER}
    model = distiller(FAMILIES[student](), large, class_mapping=[2, 0]).train()
    batch = random_batch(size=(48, 64), frames=2)
    before = losses_of(model, copy.deepcopy(batch))
    step(model, copy.deepcopy(batch), lr=1e-3)
    assert before["loss_distill"] > 0

    data = model.data_preprocessor(copy.deepcopy(batch), True)
    own = model.teacher.data_preprocessor(copy.deepcopy(batch), True)["inputs"]
    with torch.no_grad():
        expected = model.teacher(own, mode="tensor")[:, [2, 0]]
    actual = model.teacher_logits(data["inputs"], data["data_samples"])
    torch.testing.assert_close(actual, expected, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("teacher", ["U-Net of smp", "Mask2Former of transformers"])
def test_features_of_other_libraries_are_compared(teacher):
    term: dict[str, Any] = {"type": "FeatureMSELoss", "tap": 2, "student_channels": 32}
    loss = {"type": "FocalModulatedKDLoss", "terms": [term]}
    model = distiller(fcn(auxiliary=False), FAMILIES[teacher](), distill_loss=loss)
    losses = losses_of(model.train(), random_batch(size=(64, 64)))
    total, _ = model.parse_losses(losses)
    total.backward()
    assert all(value.isfinite() for value in losses.values())
    for name, value in model.named_parameters():
        if name.startswith("distill_loss"):
            assert value.grad is not None, name
            assert value.grad.any(), name


@pytest.mark.parametrize("library", ["smp", "smp, a Hub folder", "transformers"])
def test_files_of_the_libraries_teach_as_they_are(library, tmp_path):
    config = FAMILIES["U-Net of smp"]()
    if library == "transformers":
        config = FAMILIES["SegFormer of transformers"]()
        network = build_transformers(config["network"], 2)
        network.save_pretrained(tmp_path)
        file = tmp_path / "model.safetensors"
    else:
        network = build_smp(config["network"], 2)
        file = tmp_path / "model.pth"
        torch.save(network.state_dict(), file)
        if library != "smp":
            network.save_pretrained(tmp_path)
            file = tmp_path / "model.safetensors"
    model = distiller(mix_transformer(), config, teacher_checkpoint=str(file))
    model.init_weights()
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = model.teacher(images, mode="tensor")
        theirs = network.eval()(images)
    torch.testing.assert_close(ours, getattr(theirs, "logits", theirs))
