"""Twelve small photos without time stamps, and configs of plain MMSegmentation."""

from pathlib import Path

import numpy as np
from mmengine.config import Config
from PIL import Image

PARTS = {"train": range(8), "val": range(8, 12)}
CONFIG = """
classes = ("ground", "stone", "leaf")
pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    dict(type="Resize", scale=(32, 24), keep_ratio=False),
    dict(type="PackSegInputs"),
]
test_pipeline = [pipeline[0], pipeline[2], pipeline[1], pipeline[3]]


def loader(part, pipeline, sampler):
    return dict(
        batch_size=2 if part == "train" else 1,
        num_workers=0,
        sampler=sampler,
        dataset=dict(
            type="BaseSegDataset",
            data_root="{root}",
            data_prefix=dict(
                img_path="img_dir/" + part, seg_map_path="ann_dir/" + part
            ),
            metainfo=dict(classes=classes, palette=[[0] * 3, [90] * 3, [0, 255, 0]]),
            pipeline=pipeline,
        ),
    )


train_dataloader = loader("train", pipeline, dict(type="InfiniteSampler"))
val_dataloader = loader(
    "val", test_pipeline, dict(type="DefaultSampler", shuffle=False)
)
test_dataloader = val_dataloader
val_evaluator = dict(type="IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator
model = dict(
    type="EncoderDecoder",
    data_preprocessor=dict(
        type="SegDataPreProcessor", size=(24, 32), seg_pad_val=255,
        mean=[127.5] * 3, std=[60.0] * 3, bgr_to_rgb=True,
    ),
    backbone=dict(
        type="ResNetV1c", depth=18, base_channels=4, dilations=(1, 1, 2, 4),
        strides=(1, 2, 1, 1), norm_cfg=dict(type="BN"),
    ),
    decode_head=dict(
        type="FCNHead", in_channels=32, channels=4, num_convs=1, num_classes=3,
        norm_cfg=dict(type="BN"), align_corners=False,
        loss_decode=dict(type="CrossEntropyLoss", avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode="whole"),
)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="SGD", lr=0.01))
train_cfg = dict(type="IterBasedTrainLoop", max_iters=2, val_interval=2)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
default_hooks = dict(
    checkpoint=dict(type="CheckpointHook", by_epoch=False, interval=2, save_best="mIoU")
)
log_processor = dict(by_epoch=False)
"""


def draw_photos(folder: Path) -> Path:
    """Write ``img_dir`` and ``ann_dir``: photos of three sizes with leaf and stone."""
    rng = np.random.default_rng(0)
    for part, numbers in PARTS.items():
        for number in numbers:
            height, width = ((24, 32), (30, 40), (36, 32))[number % 3]
            label = np.zeros((height, width), np.uint8)
            top, left = rng.integers(0, 12, 2)
            label[-6:, -8:] = 1
            label[top : top + 10, left : left + 12] = 2
            noise = rng.integers(0, 60, (height, width, 3))
            image = (noise + 80 * label[..., None]).astype(np.uint8)
            for kind, pixels, suffix in (
                ("img_dir", image, "jpg"),
                ("ann_dir", label, "png"),
            ):
                path = folder / kind / part / f"leaf_{number}.{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    return folder


def write_config(path: Path, root: Path, extra: str = "") -> Path:
    """Write a plain config of MMSegmentation for the photos.

    Args:
        path: The file.
        root: Folder of the photos.
        extra: Lines after it, such as another data set.
    """
    path.write_text(
        CONFIG.replace("{root}", str(root)).replace("{{", "{").replace("}}", "}")
        + extra
    )
    return path


def part(photos: Path, name: str, **keys) -> dict:
    """Config of the data set of a part of the photos."""
    prefix = {"img_path": f"img_dir/{name}", "seg_map_path": f"ann_dir/{name}"}
    dataset = {"type": "BaseSegDataset", "data_root": str(photos)}
    return {**dataset, "data_prefix": prefix, **keys}


def pond_part(pond: Path, split: str, **keys) -> dict:
    """Config of the data set of a part of the pond."""
    dataset = {"type": "TimeSplitDataset", "split": split, "data_root": str(pond)}
    return {**dataset, **keys}


def loaders(**datasets: dict) -> Config:
    """Config of the data loaders of some parts alone, such as ``train``."""
    parts = {f"{name}_dataloader": {"dataset": each} for name, each in datasets.items()}
    return Config(parts)
