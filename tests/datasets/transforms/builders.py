"""Samples with labels, and detection of new label values."""

from typing import Any

import numpy as np

VALUES = (1, 3, 200)  # no mean of two values and not 0 is one of them
IGNORE = 255


def sample(size: tuple[int, int] = (48, 64), seed: int = 0) -> dict[str, Any]:
    """Sample as loaded: an (H, W) label; each channel of the frame equals the label."""
    rng = np.random.default_rng(seed)
    label = rng.choice(np.array(VALUES, np.uint8), size)
    label[size[0] // 4 : size[0] // 2, size[1] // 4 : size[1] // 2] = VALUES[1]
    return {
        "img": np.repeat(label[..., None], 3, axis=2),
        "gt_seg_map": label,
        "seg_fields": ["gt_seg_map"],
        "img_shape": size,
        "ori_shape": size,
    }


def new_values(label: np.ndarray, allowed: tuple[int, ...] = VALUES) -> set[int]:
    """Values of a label that are neither allowed nor 255."""
    return set(np.unique(label).tolist()) - {*allowed, IGNORE}
