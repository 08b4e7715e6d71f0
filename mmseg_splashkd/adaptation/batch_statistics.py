"""Weights whose batch norms have the statistics of a target."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor

from mmseg_splashkd.adaptation.network import open_network
from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint, write_weights
from mmseg_splashkd.config.walk import leaves, target_leaves
from mmseg_splashkd.models.adaptation.statistics import recompute_statistics


def write_with_target_statistics(
    cfg: Config, weights: str | Path, out: str | Path, batch: int = 8
) -> int:
    """Write weights with the statistics of the target's frames (AdaBN).

    What else is stored with the weights stays, such as the operating point, which was
    chosen with the former statistics.

    Args:
        cfg: Config of an adaptation, whose target is read whole and undistorted: by the
            pipeline of the validation part.
        weights: Trained weights of its student.
        out: The ``.safetensors`` file to write.
        batch: Frames at a time.

    Returns:
        Number of batches.

    Raises:
        ValueError: The network has no batch norm, or the target no frames.
    """
    network = open_network(cfg, weights)
    loader = Runner.build_dataloader(target_loader(cfg, batch))
    number = recompute_statistics(network, _images(network, loader))
    meta = read_checkpoint(find_checkpoint(str(weights)))["meta"]
    write_weights(network.state_dict(), out, meta)
    return number


def target_loader(cfg: Config, batch: int) -> dict[str, Any]:
    """Config of a loader of the target's whole frames, in their order.

    Args:
        cfg: Config of an adaptation.
        batch: Frames at a time.
    """
    (target,) = target_leaves(cfg.train_dataloader.dataset)
    (validated,) = leaves(cfg.val_dataloader.dataset)
    options = {"batch_size": batch, "drop_last": False}
    dataset = {**target, "pipeline": validated.pipeline}
    return {**cfg.val_dataloader, **options, "dataset": dataset}


def _images(network: Any, loader: Any) -> Iterator[Tensor]:
    for data in loader:
        yield network.data_preprocessor(data, False)["inputs"]
