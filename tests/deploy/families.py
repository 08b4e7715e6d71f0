"""Every kind of network that the configs of this repository build."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.walk import plain_model
from tests.conftest import CONFIGS

RESNET = {  # of one stage and 4 channels
    "backbone.depth": 18,
    "backbone.num_stages": 1,
    "backbone.out_indices": (0,),
    "backbone.dilations": (1,),
    "backbone.strides": (1,),
    "backbone.base_channels": 4,
    "backbone.stem_channels": 4,
    "decode_head.in_channels": 4,
    "decode_head.in_index": 0,
    "decode_head.channels": 4,
}
MIT = {  # of two stages with a block each
    "backbone.num_stages": 2,
    "backbone.embed_dims": 8,
    "backbone.num_layers": [1, 1],
    "backbone.num_heads": [1, 1],
    "backbone.patch_sizes": [7, 3],
    "backbone.strides": [4, 2],
    "backbone.sr_ratios": [2, 1],
    "backbone.out_indices": (0, 1),
    "decode_head.in_channels": [8, 8],
    "decode_head.in_index": [0, 1],
    "decode_head.channels": 8,
}
ASPP = {"decode_head.dilations": (1, 2)}
SEPARABLE = {"decode_head.c1_in_channels": 4, "decode_head.c1_channels": 2}
FPN = {  # of the first two maps
    "neck.out_channels": 4,
    "neck.num_outs": 2,
    "decode_head.in_channels": [4, 4],
    "decode_head.in_index": [0, 1],
    "decode_head.feature_strides": [4, 8],
    "decode_head.channels": 4,
}
VGG = {"backbone.model_name": "vgg11", "backbone.mlp_ratio": 0.01}
UNET = {  # of segmentation_models.pytorch, to stride 8
    "network.encoder_depth": 3,
    "network.decoder_channels": (8, 4, 4),
}
SWIN = {
    "model_type": "swin",
    "embed_dim": 8,
    "depths": [1, 1, 1, 1],
    "num_heads": [1, 1, 1, 1],
    "window_size": 2,
    "out_features": ["stage1", "stage2", "stage3", "stage4"],
}
QUERIES = {
    "model_type": "mask2former",
    "backbone_config": SWIN,
    "feature_size": 32,
    "mask_feature_size": 32,
    "hidden_dim": 32,
    "encoder_feedforward_dim": 16,
    "dim_feedforward": 16,
    "num_attention_heads": 1,
    "encoder_layers": 1,
    "decoder_layers": 2,
}


@dataclass(frozen=True)
class Case:
    """A config of a family, and what makes its network small.

    Args:
        config: File in ``configs``, without its suffix.
        small: Dotted key of the plain model -> value; None removes it.
        always: Whether each run of the tests exports it. An export takes seconds, so
            others are compared in PyTorch only, unless ``EXPORT_ALL=1`` is set: those
            whose parts are exported in another family, and baselines that are large.
    """

    config: str
    small: Mapping[str, Any] = field(default_factory=dict)
    always: bool = True


EXPORTED = {
    "EncoderDecoder: MixVisionTransformer, SegformerHead": Case(
        "camvid/segformer_b0_camvid", MIT
    ),
    "EncoderDecoder: MixVisionTransformer, PositionalSegformerHead": Case(
        "kd/segformer_b0_kd_pe1", MIT, always=False
    ),
    "TemporalEncoderDecoder: MixVisionTransformer, SegformerHead": Case(
        "temporal/temporal_farm_b0", MIT, always=False
    ),
    "EncoderDecoder: FrozenTIMMBackbone tf_efficientnet_lite, FPN, FPNHead": Case(
        "camvid/lite0",
        {**FPN, "backbone.out_indices": (1, 2), "backbone.frozen_stages": 2}
        | {"neck.in_channels": [24, 40]},
    ),
    "EncoderDecoder: TIMMBackbone pvt_v, FPN, FPNHead": Case(
        "baselines/pvtv2_b0_fpn_trash",
        {**FPN, "backbone.depths": (1, 1, 1, 1), "backbone.embed_dims": (8, 8, 8, 8)}
        | {"backbone.num_heads": (1, 1, 1, 1), "backbone.out_indices": (0, 1)}
        | {"neck.in_channels": [8, 8]},
    ),
    "EncoderDecoder: TIMMBackbone vgg, FCN16sHead": Case(
        "baselines/fcn16s_vgg16_trash",
        {**VGG, "decode_head.channels": 8, "decode_head.in_index": [0, 1]}
        | {"decode_head.in_channels": [64, 128], "backbone.out_indices": (0, 1)},
    ),
    "EncoderDecoder: TIMMBackbone vgg, SegNetHead": Case(
        "baselines/segnet_trash",
        {**VGG, "decode_head.in_index": [0, 1], "decode_head.num_convs": (1, 1)}
        | {"decode_head.in_channels": [64, 128], "backbone.out_indices": (0, 1)}
        | {"backbone.model_name": "vgg11_bn"},
    ),
    "EncoderDecoder: ResNetV1c, PSPHead": Case(
        "kd/pspnet_r50", {**RESNET, "decode_head.pool_scales": (1, 3)}, always=False
    ),
    "EncoderDecoder: ChannelAdapter ResNetV1c, PSPHead, MultiChannelPreProcessor": Case(
        "kd/pspnet_r50_gray_kd",
        {
            key.replace("backbone.", "backbone.backbone."): value
            for key, value in RESNET.items()
        }
        | {"decode_head.pool_scales": (1, 3)},
    ),
    "EncoderDecoder: ResNetV1c, ASPPHead": Case(
        "baselines/deeplabv3_r50_trash", {**RESNET, **ASPP}, always=False
    ),
    "EncoderDecoder: ResNetV1c, DepthwiseSeparableASPPHead": Case(
        "baselines/deeplabv3plus_r50_trash",
        {**RESNET, **ASPP, **SEPARABLE},
        always=False,
    ),
    "EncoderDecoder: ResNeXt, DepthwiseSeparableASPPHead": Case(
        "baselines/deeplabv3plus_resnext50_trash",
        {**RESNET, **ASPP, **SEPARABLE, "backbone.depth": 50, "backbone.groups": 2}
        | {"backbone.base_width": 32, "decode_head.in_channels": 16}
        | {"decode_head.c1_in_channels": 16},
    ),
    "EncoderDecoder: ResNetV1c, FCNHead": Case(
        "baselines/fcn_r50_trash", RESNET, always=False
    ),
    "EncoderDecoder: UNet, FCNHead": Case(
        "baselines/unet_scenes",
        {
            "backbone.num_stages": 2,
            "backbone.base_channels": 4,
            "backbone.strides": (1, 1),
            "backbone.enc_num_convs": (1, 1),
            "backbone.dec_num_convs": (1,),
            "backbone.downsamples": (True,),
            "backbone.enc_dilations": (1, 1),
            "backbone.dec_dilations": (1,),
            "decode_head.in_channels": 4,
            "decode_head.in_index": 1,
            "decode_head.channels": 4,
        },
    ),
    "EncoderDecoder: DDRNet, DDRHead": Case(
        "baselines/ddrnet_23_slim",
        {"backbone.channels": 8, "backbone.ppm_channels": 8}
        | {"decode_head.in_channels": 32, "decode_head.channels": 8},
        always=False,
    ),
    "EncoderDecoder: FastSCNN, DepthwiseSeparableFCNHead": Case(
        "baselines/fast_scnn", always=False
    ),
    "EncoderDecoder: PIDNet, PIDHead": Case(
        "baselines/pidnet_s",
        {"backbone.channels": 8, "backbone.ppm_channels": 8}
        | {"backbone.num_stem_blocks": 1, "backbone.num_branch_blocks": 1}
        | {"decode_head.in_channels": 32, "decode_head.channels": 8},
        always=False,
    ),
    "EncoderDecoder: STDCContextPathNet, FCNHead": Case(
        "baselines/stdc1", always=False
    ),
    "SMPSegmentor: deeplabv3plus efficientnet, SMPHead": Case(
        "baselines/deeplabv3plus_effnet_b0_trash",
        {"network.encoder_depth": 3, "network.decoder_channels": 8},
        always=False,
    ),
    "SMPSegmentor: deeplabv3plus se_resnext, SMPHead": Case(
        "baselines/deeplabv3plus_se_resnext50_trash",
        {"network.encoder_depth": 3, "network.decoder_channels": 8},
        always=False,
    ),
    "SMPSegmentor: unet efficientnet, SMPHead": Case(
        "baselines/unet_effnet_b0_trash", UNET, always=False
    ),
    "SMPSegmentor: unetplusplus resnet, SMPHead": Case(
        "baselines/unetpp_r50_trash", {**UNET, "network.encoder_name": "resnet18"}
    ),
    "TransformersSegmentor: mask2former, TransformersHead": Case(
        "baselines/mask2former_swin-l",
        {"network": {**QUERIES, "_delete_": True}},
        always=False,
    ),
}


CASCADE = [
    {
        "type": kind,
        "in_channels": 4,
        "in_index": 0,
        "channels": 4,
        "num_classes": 2,
        "out_channels": 2,
        "norm_cfg": {"type": "BN"},
        "loss_decode": {"type": "CrossEntropyLoss", "avg_non_ignore": True},
        **options,
    }
    for kind, options in (("FCNHead", {}), ("OCRHead", {"ocr_channels": 4}))
]
VARIANTS = {  # networks of users: changes of a config that is shipped
    "one logit": Case(
        "baselines/fcn_r50_trash",
        {**RESNET, "decode_head.num_classes": 2, "decode_head.out_channels": 1}
        | {"decode_head.threshold": 0.4, "decode_head.loss_decode.use_sigmoid": True},
        always=False,
    ),
    "two heads": Case(
        "kd/pspnet_r50",
        {key: value for key, value in RESNET.items() if "backbone" in key}
        | {"type": "CascadeEncoderDecoder", "num_stages": 2, "decode_head": CASCADE},
        always=False,
    ),
    "learned position embedding": Case(
        "kd/segformer_b0_kd_pe1",
        {**MIT, "decode_head.kind": "learned", "decode_head.learned_size": (4, 4)},
        always=False,
    ),
    "backbone of mmpretrain": Case(
        "baselines/fcn_r50_trash",
        {"backbone": {"_delete_": True, "type": "mmpretrain.MobileNetV3"}}
        | {"backbone.arch": "small_050", "backbone.out_indices": (0,)}
        | {"decode_head.in_channels": 16, "decode_head.in_index": 0}
        | {"decode_head.channels": 4},
        always=False,
    ),
    "TransformersSegmentor: segformer": Case(
        "baselines/mask2former_swin-l",
        {
            "network": {
                "_delete_": True,
                "model_type": "segformer",
                "num_encoder_blocks": 2,
                "depths": [1, 1],
                "sr_ratios": [2, 1],
                "hidden_sizes": [8, 8],
                "patch_sizes": [7, 3],
                "strides": [4, 2],
                "num_attention_heads": [1, 1],
                "mlp_ratios": [2, 2],
                "decoder_hidden_size": 8,
            },
            "decode_head.mask_conv": None,
        },
        always=False,
    ),
}
REFUSED = {  # family -> what its refusal says
    "DepthEstimator: ResNetV1c, PSPRegressionHead": "regresses maps",
    "DepthEstimator: ChannelAdapter ResNetV1c, PSPRegressionHead, "
    "MultiChannelPreProcessor": "regresses maps",
    "EncoderDecoder: MixVisionTransformer, SegformerHead, "
    "MultiChannelPreProcessor": "a deployed file reads single frames",
    "mmpretrain.BYOL: MixVisionTransformer, mmpretrain.NonLinearNeck, "
    "mmpretrain.SelfSupDataPreprocessor": "is no EncoderDecoder",
    "mmpretrain.SimSiam: MixVisionTransformer, mmpretrain.NonLinearNeck, "
    "mmpretrain.SelfSupDataPreprocessor": "is no EncoderDecoder",
}


def family_of(model: Mapping[str, Any]) -> str:
    """The kind of network that a config builds: its segmentor and its parts.

    Args:
        model: ``model`` of a config; of a wrapper, the student counts.
    """
    plain = plain_model(dict(model))
    return f"{plain['type']}: {', '.join(_parts(plain))}"


def _parts(plain: Mapping[str, Any]) -> Iterator[str]:
    if network := plain.get("network"):
        yield _network(network)
    for key in ("backbone", "neck", "decode_head"):
        heads = plain.get(key) or []
        for part in heads if isinstance(heads, list) else [heads]:
            inner = part.get("backbone") or {}
            names = (part["type"], inner.get("type"), _name(part.get("model_name", "")))
            yield " ".join(filter(None, names))
    preprocessor = plain["data_preprocessor"]["type"]
    if preprocessor != "SegDataPreProcessor":
        yield preprocessor


def _network(network: Mapping[str, Any]) -> str:
    if "arch" in network:
        return f"{network['arch']} {_name(network['encoder_name'])}"
    return (
        network.get("model_type") or network["pretrained"].split("/")[-1].split("-")[0]
    )


def _name(name: str) -> str:
    """Name of a network of timm or segmentation_models.pytorch without its size."""
    return re.sub(r"\d.*", "", name.split("-")[0])


def small_model(case: Case) -> Any:
    """The plain model of a case: small, with random weights, without auxiliary head."""
    model = plain_model(Config.fromfile(CONFIGS / f"{case.config}.py").model)
    cfg = Config({"model": model})
    for key, value in case.small.items():  # one by one: a later key changes an earlier
        cfg.merge_from_dict({f"model.{key}": value})
    for key in ("backbone", "network"):
        _without_weights(cfg.model.get(key))
    cfg.model.pop("auxiliary_head", None)
    return cfg.model


def _without_weights(part: Any) -> None:
    if part is None:
        return
    for key in ("init_cfg", "encoder_weights"):
        part.pop(key, None)
    if part.get("pretrained") and "model_name" in part:  # of timm
        part["pretrained"] = False
    _without_weights(part.get("backbone"))


def shipped() -> Iterator[tuple[Path, str, Config]]:
    """Every config, its family and what it says."""
    for path in sorted(CONFIGS.glob("[!_]*/*.py")):
        cfg = Config.fromfile(path)
        yield path, family_of(cfg.model), cfg
