"""Options of runs that take seconds."""

from pathlib import Path
from typing import Any


def tiny(model: str) -> dict[str, Any]:
    """Options that make the SegFormer at a key of a config a few KB large."""
    return {
        f"{model}.backbone.embed_dims": 8,
        f"{model}.backbone.num_layers": [1, 1, 1, 1],
        f"{model}.backbone.num_heads": [1, 1, 1, 1],
        f"{model}.decode_head.in_channels": [8, 8, 8, 8],
        f"{model}.decode_head.channels": 16,
    }


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
