"""Networks of transformers."""

from typing import ClassVar

import pytest
import torch
from torch.nn import functional as F

from mmseg_splashkd.models.adapters.transformers import build_network, log_scores
from mmseg_splashkd.models.segmentors.outputs import forward_outputs
from tests.models.adapters.families import NETWORKS, SWIN, UPERNET, transformers
from tests.models.adapters.tester import AdapterTester
from tests.models.builders import build
from tests.models.segmentors.tester import equal_weights

# DPT resizes so, and MMSegmentation warns of it for most sizes.
pytestmark = pytest.mark.filterwarnings("ignore:When align_corners=True:UserWarning")
library = pytest.importorskip("transformers")


class TransformersTester(AdapterTester):
    batches: ClassVar = (2, 3)
    family: ClassVar[str]

    def config(self):
        return transformers(self.family)

    def network(self):
        return build_network(NETWORKS[self.family], 2)

    def predictions(self, network, images):
        logits = network(pixel_values=images).logits
        return F.interpolate(logits, images.shape[-2:], mode="bilinear")


class QueryTester(TransformersTester):
    fused = False
    stride = 1

    def predictions(self, network, images):
        """Published post-processing of MaskFormer: semantic inference."""
        outputs = network(pixel_values=images)
        size = images.shape[-2:]
        masks = F.interpolate(outputs.masks_queries_logits, size, mode="bilinear")
        classes = outputs.class_queries_logits.softmax(-1)[..., :-1]
        return torch.einsum("bqc,bqhw->bchw", classes, masks.sigmoid()).log()


class TestSegFormer(TransformersTester):
    stride = 4
    family = "SegFormer"
    batches: ClassVar = (1, 3)
    size: ClassVar = (65, 95)  # attention to one key alone has no gradient


class TestUPerNetSwin(TransformersTester):
    stride = 4
    family = "UPerNet with Swin"


class TestUPerNetDINOv2(TransformersTester):
    stride = 16
    family = "UPerNet with DINOv2"
    unused = ("mask_token",)


class TestDPT(TransformersTester):
    stride = 2
    family = "DPT"
    batches: ClassVar = (1, 3)
    unused = ("dpt.layernorm", "fusion_stage.layers.0.residual_layer1")


class TestBEiT(TransformersTester):
    stride = 4
    family = "BEiT"
    unused = ("beit.encoder.layer.3",)


class TestMask2Former(QueryTester):
    family = "Mask2Former"
    batches: ClassVar = (1, 3)
    resting = ("decoder.level_embed",)


class TestEoMT(QueryTester):
    family = "EoMT"
    batches: ClassVar = (1, 3)


@pytest.mark.parametrize(
    ("network", "match"),
    [
        (
            {"model_type": "segformr"},
            "model_type='segformr' is no network.*mean 'segformer'",
        ),
        ({"model_type": "bert"}, "'bert' is no model for semantic segmentation"),
        ({"model_type": "oneformer"}, "'oneformer' is no model for semantic"),
        ({"pretrained": "/no/such/model"}, "pretrained='/no/such/model'"),
        ({"depths": [1, 1, 1, 1]}, "names no network: give model_type, such as"),
        (
            {**NETWORKS["SegFormer"], "hiden_sizes": [8] * 4},
            r"network.hiden_sizes=\[8, 8, 8, 8\]: .* did you mean 'hidden_sizes'",
        ),
        (
            {**UPERNET, "backbone_config": {**SWIN, "window": 7}},
            r"network.backbone_config.window=7: SwinConfig has no such setting",
        ),
        (
            {**UPERNET, "backbone_config": {**SWIN, "model_type": "swim"}},
            r"network.backbone_config.model_type='swim' .* did you mean 'swin'",
        ),
        (
            {**NETWORKS["SegFormer"], "num_attention_heads": [3] * 4},
            r"network=.* cannot be built: .*not a multiple of the number of attention",
        ),
        (
            {**UPERNET, "backbone_config": {"embed_dim": 8}},
            r"network.backbone_config names no network: give model_type",
        ),
    ],
)
def test_networks_that_are_no_segmentors_are_refused(network, match):
    config = transformers("SegFormer") | {"network": network}
    with pytest.raises(ValueError, match=match):
        build(config)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"depth": [1, 1, 1, 2]}, "network.depth=.* did you mean 'depths'"),
        ({"model_type": "upernet"}, "model_type='upernet': the folder is of a 'segf"),
    ],
)
def test_settings_that_a_folder_does_not_have_are_refused(settings, match, tmp_path):
    build_network(NETWORKS["SegFormer"], 2).config.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=match):
        build_network({"pretrained": str(tmp_path), **settings}, 2)


def test_a_folder_of_half_precision_is_trained_in_single(tmp_path):
    theirs = build_network(NETWORKS["SegFormer"], 2)
    theirs.half().save_pretrained(tmp_path)
    model = build(
        transformers("SegFormer") | {"network": {"pretrained": str(tmp_path)}}
    )
    model.init_weights()
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    expected = theirs.segformer.encoder.block[0][0].mlp.dense1.weight
    ours = model.backbone.model.segformer.encoder.block[0][0].mlp.dense1.weight
    assert torch.equal(ours, expected.float())


def test_frames_above_a_fixed_size_are_refused():
    model = build(transformers("BEiT"))
    with pytest.raises(ValueError, match=r"80x64, and this beit is built for 64x64"):
        model(torch.zeros(1, 3, 64, 80))


@pytest.mark.parametrize("family", ["SegFormer", "Mask2Former"])
def test_a_folder_of_the_library_is_read_completely(family, tmp_path):
    """Settings and weights, but for those of other classes, which are named."""
    torch.manual_seed(3)
    theirs = build_network(NETWORKS[family], 3)
    theirs.save_pretrained(tmp_path)
    network = {"pretrained": str(tmp_path)}
    same = transformers(family, num_classes=3, out_channels=3) | {"network": network}
    model = build(same)
    model.init_weights()
    twin = build(same)
    twin.load_state_dict(theirs.state_dict(), strict=True)
    assert equal_weights(model.state_dict(), twin.state_dict())

    other = build(transformers(family) | {"network": network})
    other.init_weights()
    expected, actual = twin.state_dict(), other.state_dict()
    differing = {name for name in actual if actual[name].shape != expected[name].shape}
    assert differing
    for name in actual.keys() - differing:
        assert torch.equal(actual[name], expected[name]), name


def test_a_folder_of_another_model_is_refused(tmp_path):
    build_network(NETWORKS["SegFormer"], 2).save_pretrained(tmp_path)
    changed = {"pretrained": str(tmp_path), "depths": [1, 1, 1, 2]}
    model = build(transformers("SegFormer") | {"network": changed})
    with pytest.raises(ValueError, match=r"has no weights for .*segformer"):
        model.init_weights()


def test_masks_go_through_a_convolution():
    """Without the class logits: field recipe of Mask2Former on few frames."""
    model = build(transformers("Mask2Former", mask_conv=5)).eval()
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    outputs = forward_outputs(model, images, fused=True)
    masks = model.backbone.model(pixel_values=images).masks_queries_logits
    masks = F.interpolate(masks, (64, 64), mode="bilinear")
    torch.testing.assert_close(outputs.at("fused"), masks)
    head = model.decode_head.conv_seg
    expected = F.conv2d(masks, head.weight, head.bias, padding=1)
    torch.testing.assert_close(outputs.logits, expected)
    assert outputs.logits.shape == (1, 2, 64, 64)


def test_class_scores_of_queries_are_the_published_sum():
    """Hand-computed: two queries, one pixel."""
    classes = torch.tensor([[[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]]]).log()
    masks = torch.logit(torch.tensor([[[[0.5]], [[0.9]]]]))
    scores = log_scores(classes, masks).exp().flatten()
    expected = torch.tensor([0.6 * 0.5 + 0.1 * 0.9, 0.3 * 0.5 + 0.2 * 0.9])
    torch.testing.assert_close(scores, expected)
