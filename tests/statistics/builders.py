"""Builders of small counts."""

from dataclasses import replace

import numpy as np

from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.statistics import Arm, FoldSeed, arm_of
from mmseg_splashkd.statistics.simulation import (
    World,
    scores_of,
    simulate,
)

SECOND = 10**9
ONLY = FoldSeed(None, None)  # the one run of an arm


def pair(frames: int, better: float = 0.0, seed: int = 0) -> np.ndarray:
    """(2, N, 2, 2) counts of two models on the same frames, the second more skilled."""
    skill = np.array([[[0.0, better]]])
    return simulate(World(), np.random.default_rng(seed), frames, skill)[0, 0]


def arms(counts: np.ndarray, **about: object) -> list[Arm]:
    """Arms A, B, ... of (arms, N, 2, 2) counts, one run each."""
    return [
        arm_of(name, [(ONLY, replace(scores_of(each), about=about))])
        for name, each in zip("ABCDEFGH", counts, strict=False)
    ]


def tiny(
    confusion: list[list[int]],
    frames: int = 1,
    classes: tuple[str, ...] = ("water", "splash"),
    **about: object,
) -> FrameScores:
    """Counts with the same confusion in each frame, one frame per second."""
    return FrameScores(
        confusion=np.tile(np.array(confusion, np.int64), (frames, 1, 1)),
        histogram=None,
        frames=tuple(f"images/{n:04}.png" for n in range(frames)),
        recordings=(".",) * frames,
        timestamps=np.arange(frames) * SECOND,
        classes=classes,
        focus=classes[-1],
        about=about,
    )
