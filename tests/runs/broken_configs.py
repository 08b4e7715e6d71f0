"""A small config of plain MMSegmentation, to be broken in one place."""

import copy
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook

from mmseg_splashkd.config.head_check import check_heads
from mmseg_splashkd.config.loop_check import check_loops
from mmseg_splashkd.config.parts_check import check_parts
from mmseg_splashkd.runs.runner import SafeRunner
from mmseg_splashkd.runs.train import set_experiment_name
from tests.hooks.small_runs import RandomFrames  # noqa: F401  (registers it)
from tests.models.builders import segformer


def loader(sampler: str, shuffle: bool) -> dict[str, Any]:
    return {
        "batch_size": 2,
        "num_workers": 0,
        "sampler": {"type": sampler, "shuffle": shuffle},
        "dataset": {"type": "RandomFrames"},
    }


CONFIG = {
    "default_scope": "mmseg",
    "model": segformer(drop=0.1),
    "train_dataloader": loader("InfiniteSampler", shuffle=True),
    "val_dataloader": loader("DefaultSampler", shuffle=False),
    "val_evaluator": [{"type": "IoUMetric"}],
    "train_cfg": {"type": "IterBasedTrainLoop", "max_iters": 2, "val_interval": 2},
    "val_cfg": {"type": "ValLoop"},
    "optim_wrapper": {"optimizer": {"type": "SGD", "lr": 0.01}},
    "param_scheduler": [{"type": "PolyLR", "by_epoch": False, "end": 2}],
    "default_hooks": {
        "checkpoint": {"type": "CheckpointHook", "by_epoch": False, "interval": 2}
    },
    "custom_hooks": [],
    "visualizer": {"type": "SegLocalVisualizer", "vis_backends": []},
    "randomness": {"seed": 0},
}
GONE = object()


def changed(changes: dict[str, Any]) -> Config:
    """The config with dotted keys set, added, or removed (``GONE``)."""
    config: Any = copy.deepcopy(CONFIG)
    for key, value in changes.items():
        *path, last = (int(each) if each.isdigit() else each for each in key.split("."))
        part = config
        for name in path:
            part = part[name]
        if value is GONE:
            del part[last]
        else:
            part[last] = value
    return Config(config)


def run(changes: dict[str, Any], work_dir: Path, *hooks: Hook) -> SafeRunner:
    """Check, build and train with further hooks, as ``train`` does with a config."""
    cfg = changed(changes)
    cfg.work_dir = str(work_dir)
    set_experiment_name(cfg)
    check_parts(cfg)
    check_loops(cfg)
    check_heads(cfg)
    runner: Any = SafeRunner.from_cfg(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    return runner
