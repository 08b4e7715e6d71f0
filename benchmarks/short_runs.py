"""Options of runs that take seconds."""

from pathlib import Path
from typing import Any

MASK2FORMER = {  # a small one, with random weights and the published 100 queries
    "model_type": "mask2former",
    "backbone_config": {
        "model_type": "swin",
        "embed_dim": 8,
        "depths": [1, 1, 1, 1],
        "num_heads": [1, 1, 1, 1],
        "window_size": 2,
        "out_features": ["stage1", "stage2", "stage3", "stage4"],
    },
    "feature_size": 32,
    "mask_feature_size": 32,
    "hidden_dim": 32,
    "encoder_feedforward_dim": 16,
    "dim_feedforward": 16,
    "num_attention_heads": 2,
    "encoder_layers": 1,
    "decoder_layers": 2,
}


def tiny(model: str) -> dict[str, Any]:
    """Options that make the SegFormer at a key of a config a few KB large."""
    return {
        f"{model}.backbone.embed_dims": 8,
        f"{model}.backbone.num_layers": [1, 1, 1, 1],
        f"{model}.backbone.num_heads": [1, 1, 1, 1],
        f"{model}.decode_head.in_channels": [8, 8, 8, 8],
        f"{model}.decode_head.channels": 16,
    }


def shrink(model: dict[str, Any]) -> None:
    """Make a network of ``configs/baselines`` small, in place, without weights.

    Encoders of timm and segmentation_models.pytorch, which have one width, are replaced
    by shallower ones where they are large.
    """
    for part in ("student", "teacher"):
        if part in model:
            shrink(model[part])
    backbone = model.get("backbone") or {}
    for each in (backbone, backbone.get("backbone_cfg") or {}):
        each.pop("init_cfg", None)
    kind = backbone.get("type")
    if kind == "MixVisionTransformer":
        for option, value in tiny("").items():
            _, part, name = option.split(".")
            model[part][name] = value
    elif kind in ("ResNetV1c", "ResNeXt", "UNet"):
        _narrow(model)
    elif kind == "TIMMBackbone":
        backbone["pretrained"] = False
        _shallow_vgg(backbone, model["decode_head"])
    elif "arch" in (network := model.get("network") or {}):
        if network["encoder_name"] == "resnet50":
            network["encoder_name"] = "resnet18"
    elif network:
        model["network"] = MASK2FORMER


def _shallow_vgg(backbone: dict[str, Any], head: dict[str, Any]) -> None:
    if not backbone["model_name"].startswith("vgg16"):
        return
    backbone["model_name"] = backbone["model_name"].replace("vgg16", "vgg11")
    backbone["mlp_ratio"] = 0.01  # of the classifier, which timm builds and drops
    if head["type"] == "SegNetHead":
        head["num_convs"] = (1, 1, 1, 1, 1)
    else:
        head["channels"] = 16


def _narrow(model: dict[str, Any]) -> None:
    """Divide every width of a CNN and its heads by 8."""
    model["backbone"]["base_channels"] = 8
    if model["backbone"]["type"] == "ResNetV1c":
        model["backbone"]["stem_channels"] = 8
    for part in ("decode_head", "auxiliary_head"):
        head = model.get(part) or {}
        for name in ("in_channels", "channels", "c1_in_channels", "c1_channels"):
            if name in head:
                head[name] //= 8


def short(data: Path, *models: str, iterations: int, every: int = 2) -> dict:
    """Options of a run of seconds with checkpoints every second iteration.

    Args:
        data: Frames.
        *models: Keys of its models in the config.
        iterations: Number of iterations.
        every: Iterations between validations.
    """
    options = {"data_root": str(data), "train_cfg.max_iters": iterations, "embargo": 0}
    options |= {"train_cfg.val_interval": every, "train_dataloader.batch_size": 2}
    options |= {"default_hooks.checkpoint.interval": 2}
    options |= {"default_hooks.logger.interval": 1, "optim_wrapper.optimizer.lr": 0.003}
    if "model.teacher" in models:
        options["model.teacher_gate.allow"] = ["floor"]
    for model in models:
        options |= tiny(model)
    return options
