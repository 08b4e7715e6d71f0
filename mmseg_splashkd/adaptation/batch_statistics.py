"""Weights whose batch norms have the statistics of a target."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor

from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint, write_weights
from mmseg_splashkd.config.walk import leaves, target_leaves
from mmseg_splashkd.models.adaptation.statistics import recompute_statistics
from mmseg_splashkd.runs.open_network import open_network


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
        batch: Frames at a time, from 2. Those of one size share a batch; a last frame
            of its size is left out, because it has no variance after a pooling, unless
            it is the only one.

    Returns:
        Number of batches.

    Raises:
        NoStatisticsError: No batch norm of the network moves in training.
        ValueError: The target has no frames.
    """
    network = open_network(cfg, weights)
    loader = Runner.build_dataloader(target_loader(cfg, 1))
    images = (network.data_preprocessor(data, False)["inputs"] for data in loader)
    number = recompute_statistics(network, batched(images, batch))
    meta = read_checkpoint(find_checkpoint(str(weights)))["meta"]
    write_weights(network.state_dict(), out, meta)
    return number


def batched(images: Iterable[Tensor], batch: int) -> Iterator[Tensor]:
    """Batches of images of one size each.

    Args:
        images: Images (1, 3, H, W) of any sizes.
        batch: Images of a batch, from 2.

    Yields:
        (B, 3, H, W); one image alone only if there is no other batch.
    """
    waiting: dict[tuple[int, ...], list[Tensor]] = {}
    whole = False
    for image in images:
        of_size = waiting.setdefault(tuple(image.shape), [])
        of_size.append(image)
        if len(of_size) == batch:
            yield torch.cat(of_size)
            of_size.clear()
            whole = True
    for of_size in waiting.values():
        if len(of_size) > 1:
            yield torch.cat(of_size)
            whole = True
    if not whole:
        yield from (image for of_size in waiting.values() for image in of_size)


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
