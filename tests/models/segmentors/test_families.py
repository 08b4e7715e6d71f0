"""Every family of segmentors, as student and as teacher."""

from typing import ClassVar

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models.decode_heads import PointHead
from mmseg.registry import MODELS

from mmseg_splashkd.models.segmentors.checks import check_segmentor
from mmseg_splashkd.models.segmentors.outputs import forward_outputs
from tests.models.builders import (
    build,
    distiller,
    fcn,
    losses_of,
    random_batch,
    segformer,
)
from tests.models.segmentors.families import (
    ddrnet,
    deeplabv3,
    deeplabv3plus,
    ocrnet,
    pidnet,
    pspnet,
    resnet,
    unet,
)
from tests.models.segmentors.tester import SegmentorTester

AUXILIARY = frozenset({"aux.loss_focal"})


class TestSegFormer(SegmentorTester):
    stride = 4

    @staticmethod
    def config():
        return segformer()


class TestSegFormerWithEmbeddingAndDropout(SegmentorTester):
    stride = 4

    @staticmethod
    def config():
        return segformer(type="PositionalSegformerHead", ratio=1.0, dropout_ratio=0.1)


class TestFCN(SegmentorTester):
    stride = 8
    label_losses = AUXILIARY

    @staticmethod
    def config():
        return fcn(align_corners=True)


class TestPSPNet(SegmentorTester):
    stride = 8
    batches: ClassVar = (2, 3)
    label_losses = AUXILIARY

    @staticmethod
    def config():
        return pspnet(auxiliary=True)


class TestDeepLabV3(SegmentorTester):
    stride = 8
    batches: ClassVar = (2, 3)

    @staticmethod
    def config():
        return deeplabv3(align_corners=True)


class TestDeepLabV3Plus(SegmentorTester):
    stride = 4
    batches: ClassVar = (2, 3)

    @staticmethod
    def config():
        return deeplabv3plus()


class TestUNet(SegmentorTester):
    stride = 1
    size = (32, 48)

    @staticmethod
    def config():
        return unet()


class TestOCRNet(SegmentorTester):
    stride = 8
    batches: ClassVar = (2, 3)
    label_losses = frozenset({"decode_0.loss_focal"})

    @staticmethod
    def config():
        return ocrnet()


class TestPIDNet(SegmentorTester):
    """Its boundary branch learns the edges of the labels."""

    stride = 8
    size = (64, 96)
    batches: ClassVar = (2, 3)
    label_losses = frozenset({f"decode.loss_{k}" for k in ("sem_p", "bd", "sem_bd")})
    # Pixels at predicted boundaries: none at first.
    resting = ("d_",)

    @staticmethod
    def config():
        return pidnet()

    def batch(self, **options):
        batch = super().batch(**options)
        for sample in batch["data_samples"]:
            edges = (sample.gt_sem_seg.data == 1).long()
            sample.set_data({"gt_edge_map": PixelData(data=edges)})
        return batch


class TestDDRNet(SegmentorTester):
    stride = 8
    size = (64, 96)
    batches: ClassVar = (2, 3)
    label_losses = frozenset({"decode.loss_spatial"})

    @staticmethod
    def config():
        return ddrnet()


@pytest.mark.parametrize("family", ["PIDNet", "DDRNet"])
def test_other_branches_keep_their_losses(family):
    """Only the label loss of the prediction is replaced."""
    tester = TestPIDNet() if family == "PIDNet" else TestDDRNet()
    model = tester.student()
    plain = build(tester.config()).train()
    plain.load_state_dict(model.state_dict())
    ours, theirs = losses_of(model, tester.batch()), losses_of(plain, tester.batch())
    kept = {key for key in ours if key.startswith("decode.loss")}
    assert kept == tester.label_losses
    for key in kept:
        torch.testing.assert_close(ours[key], theirs[key])
    main = {"PIDNet": "loss_sem_i", "DDRNet": "loss_context"}[family]
    replaced = {key for key in theirs if "loss" in key} - kept
    assert replaced == {f"decode.{main}"}


def test_earlier_heads_of_a_cascade_have_their_own_loss():
    model = distiller(ocrnet(), segformer()).train()
    losses = losses_of(model, random_batch())
    coarse = model.decode_head[0]
    inputs = model.data_preprocessor(random_batch(), True)
    stages = model.extract_feat(inputs["inputs"])
    with torch.no_grad():
        own = coarse.loss_by_feat(coarse(stages), inputs["data_samples"])
    for name, value in own.items():
        torch.testing.assert_close(losses[f"decode_0.{name}"], value)
    assert coarse.loss_decode.loss_weight == 0.4


def test_logits_of_a_cascade_follow_from_the_earlier_ones():
    model = build(ocrnet()).eval()
    images = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    outputs = forward_outputs(model, images)
    coarse, ocr = model.decode_head
    (early,) = outputs.early_logits
    assert torch.equal(early, coarse(outputs.stages))
    assert torch.equal(outputs.logits, ocr(outputs.stages, early))


def test_pointrend_is_refused():
    head = PointHead.__new__(PointHead)  # building one needs compiled operators
    for trained in (False, True):
        model = build(fcn())
        model.decode_head = torch.nn.ModuleList([model.decode_head])
        model.decode_head._modules["1"] = head
        with pytest.raises(ValueError, match=r"PointHead has its own predict"):
            check_segmentor(model, "student", trained)


@pytest.mark.parametrize(
    ("config", "method", "as_teacher"),
    [
        (
            resnet({"type": "EncHead", "in_channels": [64], "in_index": [3]}),
            "predict",
            True,
        ),
        (resnet({"type": "DAHead", "pam_channels": 4}), "predict", True),
        (
            fcn(auxiliary=False)
            | {
                "decode_head": {
                    **fcn()["decode_head"],
                    "type": "STDCHead",
                    "boundary_threshold": 0.1,
                }
            },
            "loss_by_feat",
            False,
        ),
    ],
    ids=["EncNet", "DANet", "STDC"],
)
@pytest.mark.filterwarnings("ignore:Default ``avg_non_ignore``:UserWarning")
def test_heads_without_plain_logits_are_refused(config, method, as_teacher):
    match = rf"decode_head \w+ has its own .*{method}.*choose another decode head"
    with pytest.raises(ValueError, match="student." + match):
        distiller(config, segformer())
    if as_teacher:
        with pytest.raises(ValueError, match="teacher." + match):
            distiller(segformer(), config)
    else:
        distiller(segformer(), config)


def test_a_segmentor_that_is_no_encoder_decoder_is_refused(monkeypatch):
    other = torch.nn.Linear(1, 1)
    other.data_preprocessor = None  # type: ignore[assignment]
    actual = MODELS.build
    monkeypatch.setattr(
        MODELS, "build", lambda config: other if config == "x" else actual(config)
    )
    with pytest.raises(ValueError, match=r"student is a Linear: .*needs an EncoderDec"):
        distiller("x", segformer())  # type: ignore[arg-type]
