"""Frames as the host's evaluator hands them to a metric: nested plain dicts."""

import torch
from torch import Tensor


def data_sample(
    label: Tensor, pred: Tensor | None = None, logits: Tensor | None = None, **meta
) -> dict:
    """Build one frame of (H, W) label and prediction and (C, H, W) logits."""
    sample = dict(meta, gt_sem_seg={"data": label[None]})
    if pred is not None:
        sample["pred_sem_seg"] = {"data": pred[None]}
    if logits is not None:
        sample["seg_logits"] = {"data": logits}
    return sample


def random_frames(count: int, num_classes: int, seed: int = 0) -> list[dict]:
    """Frames that differ in valid pixels and in how rare the last class is."""
    generator = torch.Generator().manual_seed(seed)
    frames = []
    for index in range(count):
        logits = torch.randn(num_classes, 9, 13, generator=generator)
        logits[-1] -= index
        label = torch.randint(num_classes, (9, 13), generator=generator)
        label[: index % 9] = 255
        frames.append(data_sample(label, logits.argmax(0), logits))
    return frames
