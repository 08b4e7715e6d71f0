"""Configs of MMSegmentation's families of segmentors, with a few thousand weights."""

from tests.models.builders import BN, FOCAL, fcn, preprocessor


def resnet(head: dict, auxiliary: bool = False) -> dict:
    """A ResNet-18 of stride 8 with another head than FCN's."""
    config = fcn(auxiliary=auxiliary)
    shared = {
        key: value
        for key, value in config["decode_head"].items()
        if key not in ("num_convs", "concat_input")
    }
    return config | {"decode_head": shared | head}


def deeplabv3(**head) -> dict:
    return resnet({"type": "ASPPHead", "dilations": (1, 2, 4), **head})


def deeplabv3plus() -> dict:
    head = {"type": "DepthwiseSeparableASPPHead", "dilations": (1, 2, 4)}
    return resnet({**head, "c1_in_channels": 8, "c1_channels": 4})


def pspnet(auxiliary: bool = False) -> dict:
    return resnet({"type": "PSPHead", "pool_scales": (1, 2)}, auxiliary)


def unet() -> dict:
    """Three stages, the first at the frame's own resolution."""
    backbone = {
        "type": "UNet",
        "base_channels": 8,
        "num_stages": 3,
        "strides": (1, 1, 1),
        "enc_num_convs": (1, 1, 1),
        "dec_num_convs": (1, 1),
        "downsamples": (True, True),
        "enc_dilations": (1, 1, 1),
        "dec_dilations": (1, 1),
        "norm_cfg": BN,
    }
    return {
        "type": "EncoderDecoder",
        "data_preprocessor": preprocessor(),
        "backbone": backbone,
        "decode_head": {**fcn()["decode_head"], "in_channels": 8, "in_index": 2},
        "test_cfg": {"mode": "whole"},
    }


def cascade(*heads: dict) -> dict:
    """A cascade of decode heads on the FCN's backbone."""
    config = fcn(auxiliary=False)
    config["decode_head"] = list(heads)
    return config | {"type": "CascadeEncoderDecoder", "num_stages": len(heads)}


def ocrnet() -> dict:
    """An FCN head on stage 2, whose logits an OCR head on stage 3 refines."""
    coarse = fcn(loss_decode={**FOCAL, "loss_weight": 0.4})["auxiliary_head"]
    ocr = resnet({"type": "OCRHead", "ocr_channels": 4})["decode_head"]
    return cascade(coarse, ocr)


def two_branches(backbone: dict, head: dict) -> dict:
    """A backbone of two or more branches, with a head that trains each."""
    shared = {
        "num_classes": 2,
        "out_channels": 2,
        "norm_cfg": BN,
        "align_corners": False,
        "dropout_ratio": 0.0,
    }
    return {
        "type": "EncoderDecoder",
        "data_preprocessor": preprocessor(),
        "backbone": {"norm_cfg": BN, **backbone},
        "decode_head": {**shared, **head},
        "test_cfg": {"mode": "whole"},
    }


def pidnet() -> dict:
    """PIDNet-S with a quarter of its channels."""
    hard = {"type": "OhemCrossEntropy", "min_kept": 100, "loss_weight": 1.0}
    return two_branches(
        {"type": "PIDNet", "channels": 8, "ppm_channels": 8, "num_stem_blocks": 1},
        {
            "type": "PIDHead",
            "in_channels": 32,
            "channels": 8,
            "loss_decode": [
                {"type": "CrossEntropyLoss", "avg_non_ignore": True},
                FOCAL,
                {"type": "BoundaryLoss", "loss_weight": 20.0},
                hard,
            ],
        },
    )


def ddrnet() -> dict:
    """DDRNet-23-slim with a quarter of its channels."""
    hard = {"type": "OhemCrossEntropy", "min_kept": 100, "loss_weight": 1.0}
    return two_branches(
        {"type": "DDRNet", "channels": 8, "ppm_channels": 8},
        {
            "type": "DDRHead",
            "in_channels": 32,
            "channels": 8,
            "loss_decode": [FOCAL, {**hard, "loss_weight": 0.4}],
        },
    )
