"""The run whose teacher cache of format 1 lies in this folder.

Everything that the cache depends on is written out here, to the byte: frames and
labels are BMP files of integers, weights are multiples of 1/8. The files beside this
module were built by the first release of the cache; nothing here may change.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image

from mmseg_splashkd.checkpoint import write_weights

FOLDER = Path(__file__).parent
FRAMES = 4  # two to train on, one to validate, one to test
SIZE = 32
STAMP = 1_714_521_600


def _segmentor() -> dict[str, Any]:
    return {
        "type": "EncoderDecoder",
        "data_preprocessor": {
            "type": "SegDataPreProcessor",
            "mean": [123.675, 116.28, 103.53],
            "std": [58.395, 57.12, 57.375],
            "bgr_to_rgb": True,
            "size_divisor": 1,
            "pad_val": 0,
            "seg_pad_val": 255,
        },
        "backbone": {
            "type": "MixVisionTransformer",
            "embed_dims": 8,
            "num_layers": [1, 1, 1, 1],
            "num_heads": [1, 1, 1, 1],
            "init_cfg": None,
        },
        "decode_head": {
            "type": "SegformerHead",
            "in_channels": [8, 8, 8, 8],
            "in_index": [0, 1, 2, 3],
            "channels": 8,
            "num_classes": 2,
            "out_channels": 2,
            "norm_cfg": {"type": "BN", "requires_grad": True},
            "loss_decode": {"type": "SoftmaxFocalLoss", "gamma": 2.0},
        },
        "test_cfg": {"mode": "whole"},
    }


def config(root: Path, table: str = "split_table", coding: str = "label_coding") -> Any:
    """The config of the run.

    Args:
        root: Folder that ``write_files`` filled.
        table: Name of the data set's option for the split table.
        coding: Name of the data set's option for the coding of labels.
    """

    def frames(split: str) -> dict[str, Any]:
        flip = [{"type": "RandomFlip", "prob": 0.5}] if split == "train" else []
        load = [{"type": "LoadImageFromFile"}, {"type": "LoadGrayLabels"}]
        return {
            "type": "TimeSplitDataset",
            "split": split,
            "data_root": str(root),
            table: "frames.csv",
            coding: "splash",
            "pipeline": [*load, *flip, {"type": "PackSegInputs"}],
        }

    def loader(split: str) -> dict[str, Any]:
        dataset, sampler = frames(split), {"type": "DefaultSampler", "shuffle": False}
        if split == "train":
            dataset = {"type": "ViewDataset", "dataset": dataset}
            sampler = {"type": "ViewSampler", "shuffle": True}
        parts = {"dataset": dataset, "sampler": sampler}
        return {"batch_size": 1, "num_workers": 0, **parts}

    return Config(
        {
            "default_scope": "mmseg",
            "custom_imports": {"imports": ["mmseg_splashkd"]},
            "model": {
                "type": "DistillSegmentor",
                "student": _segmentor(),
                "teacher": _segmentor(),
                "teacher_checkpoint": str(root / "teacher.safetensors"),
                "distill_loss": {"type": "FocalModulatedKDLoss", "teacher_ratio": 0.5},
            },
            "train_dataloader": loader("train"),
            "val_dataloader": loader("val"),
            "val_evaluator": [{"type": "DiceMetric"}],
            "teacher_cache": {"dir": str(root / "cache"), "views": 2},
        }
    )


def write_files(root: Path) -> None:
    """Write frames, labels, split table and the teacher's weights."""
    rows = ["recording,timestamp,frame,label,split"]
    for number, split in enumerate(("train", "train", "val", "test")):
        stamp = f"{STAMP + 5 * number}-000000000"
        label = np.zeros((SIZE, SIZE), np.uint8)
        label[4 * number : 4 * number + 8, 8:20] = 255
        pixels = np.arange(3 * SIZE * SIZE) * (number + 3) % 251
        frame = pixels.reshape(SIZE, SIZE, 3).astype(np.uint8)
        names = [f"{kind}/{stamp}.bmp" for kind in ("images", "labels")]
        for name, drawn in zip(names, (frame, label), strict=True):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(drawn).save(root / name)
        rows.append(",".join(["cam", stamp, *names, split]))
    (root / "frames.csv").write_text("\n".join(rows) + "\n")
    state = MODELS.build(_segmentor()).state_dict()
    for value in state.values():
        numbers = torch.arange(value.numel()).reshape(value.shape) % 7 + 1
        value.copy_(numbers / 8 if value.is_floating_point() else numbers)
    write_weights(state, root / "teacher.safetensors", {})
