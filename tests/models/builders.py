"""Segmentors with a few thousand weights, batches of a few thousand pixels."""

from typing import Any

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

import mmseg_splashkd  # noqa: F401  (registers the models)

IMAGENET = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
FOCAL = {"type": "SoftmaxFocalLoss", "gamma": 2.0}
BN = {"type": "BN", "requires_grad": True}


def preprocessor(**changes: Any) -> dict:
    """Config of a preprocessor that pads nothing."""
    return {
        "type": "mmseg.SegDataPreProcessor",
        **IMAGENET,
        "bgr_to_rgb": True,
        "size_divisor": 1,
        **changes,
    }


def segformer(num_classes: int = 2, drop: float = 0.0, **head: Any) -> dict:
    """Config of a SegFormer, stride 4, one block per stage; ``head`` changes a head."""
    return {
        "type": "EncoderDecoder",
        "data_preprocessor": preprocessor(),
        "backbone": {
            "type": "MixVisionTransformer",
            "embed_dims": 8,
            "num_layers": [1, 1, 1, 1],
            "num_heads": [1, 1, 1, 1],
            "drop_rate": drop,
            "drop_path_rate": drop,
        },
        "decode_head": {
            "type": "SegformerHead",
            "in_channels": [8, 8, 8, 8],
            "in_index": [0, 1, 2, 3],
            "channels": 16,
            "dropout_ratio": drop,
            "num_classes": num_classes,
            "out_channels": num_classes,
            "norm_cfg": BN,
            "loss_decode": FOCAL,
            **head,
        },
        "test_cfg": {"mode": "whole"},
    }


def fcn(num_classes: int = 2, auxiliary: bool = True, **changes: Any) -> dict:
    """Config of an FCN on a dilated ResNet-18, stride 8; ``changes`` of its heads."""
    head = {
        "type": "FCNHead",
        "channels": 8,
        "num_convs": 1,
        "concat_input": False,
        "dropout_ratio": 0.0,
        "num_classes": num_classes,
        "out_channels": num_classes,
        "norm_cfg": BN,
        "loss_decode": FOCAL,
        **changes,
    }
    config = {
        "type": "EncoderDecoder",
        "data_preprocessor": preprocessor(),
        "backbone": {
            "type": "ResNetV1c",
            "depth": 18,
            "base_channels": 8,
            "stem_channels": 8,
            "strides": (1, 2, 1, 1),
            "dilations": (1, 1, 2, 4),
            "norm_cfg": BN,
        },
        "decode_head": {**head, "in_channels": 64, "in_index": 3},
        "test_cfg": {"mode": "whole"},
    }
    if auxiliary:
        config["auxiliary_head"] = {**head, "in_channels": 32, "in_index": 2}
    return config


def build(config: dict, seed: int = 0) -> Any:
    """Build a model with random weights."""
    torch.manual_seed(seed)
    return MODELS.build(ConfigDict(config))


def distiller(student: dict, teacher: str | dict | list[dict], **changes: Any) -> Any:
    """Build a ``DistillSegmentor`` whose teacher, if any, has random weights."""
    config = {
        "type": "DistillSegmentor",
        "student": student,
        "teacher": teacher,
        "distill_loss": {"type": "FocalModulatedKDLoss"},
        **changes,
    }
    return build(config)


def random_batch(
    num_classes: int = 2,
    size: tuple[int, int] = (32, 32),
    seed: int = 1,
    frames: int = 2,
) -> dict:
    """Frames as a data loader returns them: 8-bit images and labels, some ignored."""
    generator = torch.Generator().manual_seed(seed)
    images, samples = [], []
    for _ in range(frames):
        label = torch.randint(num_classes, (1, *size), generator=generator)
        label[:, :3] = 255
        images.append(
            torch.randint(256, (3, *size), generator=generator, dtype=torch.uint8)
        )
        samples.append(labelled(label))
    return {"inputs": images, "data_samples": samples}


def labelled(label: Tensor) -> SegDataSample:
    """Wrap a (1, H, W) label."""
    size = tuple(label.shape[-2:])
    sample = SegDataSample(metainfo={"img_shape": size, "ori_shape": size})
    sample.set_data({"gt_sem_seg": PixelData(data=label)})
    return sample


def losses_of(model: Any, batch: dict) -> dict[str, Tensor]:
    """Losses of a batch, as in a training step."""
    data = model.data_preprocessor(batch, True)
    return model(**data, mode="loss")


def mmengine_checkpoint(model: nn.Module) -> dict:
    """A checkpoint as written by mmengine's CheckpointHook, with more than tensors."""
    optimizer = torch.optim.AdamW(model.parameters())
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    buffer = HistoryBuffer([0.5, 0.25], [1, 1])
    return {
        "meta": {
            "iter": 7,
            "cfg": "model = dict()",
            "config": "raise SystemExit('evaluated')",
            "dataset_meta": {"classes": ("background", "splash")},
        },
        "state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "message_hub": {
            "log_scalars": {"train/loss": buffer},
            "runtime_info": {"best_score": np.float64(0.5), "last": np.arange(3)},
        },
    }
