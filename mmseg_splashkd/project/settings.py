"""Keys of an MMSegmentation config that follow from the plan of a project."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmseg_splashkd.project.plan import Plan, read_plan

VALIDATIONS = 10  # in a run
SHORT = 20  # steps; shorter runs are not warmed up


def settings(
    plan: str | Path,
    size: Sequence[int] | None = None,
    max_iters: int | None = None,
) -> dict[str, Any]:
    """Config keys for data, model and schedule, over ``configs/_base_/project.py``.

    Args:
        plan: The plan, a JSON file; data, runs and label coding are relative to its
            folder.
        size: (width, height) of the network's input instead of the plan's.
        max_iters: Number of training steps instead of the plan's.

    Returns:
        Top-level keys of the config of a SegFormer.

    Raises:
        FileNotFoundError: There is no such plan.
        ValueError: The plan or an argument is invalid.
    """
    root = Path(plan).parent
    read = read_plan(plan)
    if size is not None:
        read = replace(read, size=size)
    if max_iters is not None:
        read = replace(read, max_iters=max_iters)
    return _data(read, root) | _schedule(read) | _model(read)


def _data(plan: Plan, root: Path) -> dict[str, Any]:
    load, labels = {"type": "LoadImageFromFile"}, {"type": "LoadGrayLabels"}
    resize = {"type": "Resize", "scale": tuple(plan.size), "keep_ratio": False}
    flip, always = ({"type": "RandomFlip", "prob": prob} for prob in (0.5, 1.0))
    pack = {"type": "PackSegInputs"}
    train_pipeline = [load, labels, resize, flip, {"type": "PhotoMetricDistortion"}]
    train_pipeline += [pack]
    test_pipeline = [load, resize, labels, pack]  # scores at the frame's own size
    views = [[resize], [dict(flip, prob=0.0), always], [labels], [pack]]
    frames = {
        "data_root": str(root),
        "split_table": plan.split_table,
        "label_coding": str(root / plan.label_coding),
        "unlabelled": plan.unlabelled,
    }
    workers = {
        "num_workers": plan.num_workers,
        "persistent_workers": plan.num_workers > 0,
    }
    tested = dict(workers, dataset=dict(pipeline=test_pipeline, **frames))
    return {
        "data_root": str(root),
        "resize": resize,
        "test_pipeline": test_pipeline,
        "tta_pipeline": [load, {"type": "TestTimeAug", "transforms": views}],
        "train_dataloader": dict(
            workers,
            batch_size=plan.batch_size,
            dataset={"dataset": dict(pipeline=train_pipeline, **frames)},
        ),
        "val_dataloader": tested,
        "test_dataloader": tested,
    }


def _schedule(plan: Plan) -> dict[str, Any]:
    last = plan.max_iters
    warmup = last // 10 if last >= SHORT else 0
    interval = max(last // VALIDATIONS, min(last, 50))
    rising = {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "end": warmup}
    falling = {
        "type": "PolyLR",
        "power": 1.0,
        "by_epoch": False,
        "begin": warmup,
        "end": last,
    }
    optimizer = {"type": "AdamW", "lr": plan.learning_rate, "weight_decay": 0.01}
    return {
        "optim_wrapper": {
            "type": "OptimWrapper",
            "optimizer": dict(optimizer, betas=(0.9, 0.999)),
            "paramwise_cfg": {"custom_keys": {"norm": {"decay_mult": 0.0}}},
        },
        "param_scheduler": [rising, falling] if warmup else [falling],
        "train_cfg": {
            "type": "IterBasedTrainLoop",
            "max_iters": last,
            "val_interval": interval,
        },
        "val_cfg": {"type": "ValLoop"},
        "test_cfg": {"type": "TestLoop"},
        "default_hooks": {
            "logger": {"interval": max(1, min(50, last // 10))},
            "checkpoint": {"interval": interval},
        },
    }


def _model(plan: Plan) -> dict[str, Any]:
    count = len(plan.classes)
    # Cross-entropy: a teacher trained with focal loss is under-confident.
    loss = {"gamma": 0.0}
    head = {"num_classes": count, "out_channels": count, "loss_decode": loss}
    return {"model": {"decode_head": head}}
