"""Runs of mmengine's own Runner on a few random frames, in a second."""

import itertools
from pathlib import Path
from typing import Any

from mmengine.runner import Runner
from mmseg.registry import DATASETS

from tests.models.builders import random_batch

_counter = itertools.count()  # mmengine shares what is of one name and second


@DATASETS.register_module(force=True)
class RandomFrames:
    """Four labelled frames of 32 x 32 pixels."""

    def __init__(self) -> None:
        self.metainfo = {"classes": ("water", "splash"), "palette": [[0] * 3, [9] * 3]}
        batches = [random_batch(seed=seed) for seed in (1, 2)]
        self.frames = [
            {"inputs": image, "data_samples": sample}
            for batch in batches
            for image, sample in zip(*batch.values(), strict=True)
        ]

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> dict:
        return self.frames[index]

    def get_data_info(self, index: int) -> dict:
        return {"img_path": f"{index}.png"}


def small_run(
    model: Any,
    work_dir: Path,
    steps: int = 2,
    by_epoch: bool = False,
    validates: bool = False,
    runner: type[Runner] = Runner,
    lr: float = 0.1,
    hooks: tuple[str, ...] = (),
    best: str = "mIoU",
    **options: Any,
) -> Runner:
    """Build a runner.

    Args:
        model: Segmentor.
        work_dir: Work directory of the run.
        steps: Iterations or epochs (of 2 iterations) to train.
        by_epoch: Whether loop and checkpoints count epochs.
        validates: Whether there is a validation after each iteration or epoch.
        runner: Class of the runner.
        lr: Learning rate.
        hooks: Names of custom hooks.
        best: Metric that selects the best weights of a run that validates.
        **options: Further arguments of the runner.
    """
    loader = {
        "batch_size": 2,
        "num_workers": 0,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "dataset": {"type": "RandomFrames"},
    }
    sampler = {"type": "DefaultSampler" if by_epoch else "InfiniteSampler"}
    kind = "Epoch" if by_epoch else "Iter"
    length = {"max_epochs" if by_epoch else "max_iters": steps, "val_interval": 1}
    checkpoint: dict = {"type": "CheckpointHook", "interval": 1, "by_epoch": by_epoch}
    if validates:
        checkpoint |= {"save_best": best, "rule": "greater"}
        options |= {
            "val_dataloader": loader,
            "val_evaluator": {"type": "mmseg.IoUMetric"},
            "val_cfg": {"type": "ValLoop"},
        }
    options.setdefault("optim_wrapper", {"optimizer": {"type": "SGD", "lr": lr}})
    return runner(
        model,
        str(work_dir),
        train_dataloader={**loader, "sampler": {**sampler, "shuffle": False}},
        train_cfg={"type": f"{kind}BasedTrainLoop", **length},
        default_hooks={"checkpoint": checkpoint},
        custom_hooks=[{"type": name} for name in hooks],
        default_scope="mmseg",
        experiment_name=f"{'_'.join(work_dir.parts)}_{next(_counter)}",
        randomness={"seed": 0},
        **options,
    )
