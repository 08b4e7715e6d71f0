"""Simulated runs with a given true difference, which validate the method.

The area of splash in a frame, the difficulty of the frame and the errors of each model
vary slowly: each is a stationary Gaussian series. Splash comes in bursts (its share is
log-normal, so that a tenth of the frames holds most of it), and the errors of two
models on a frame are correlated.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mmseg_splashkd.evaluation.frame_scores import FrameScores

PIXELS = 10_000  # per frame
CLASSES = ("water", "splash")
Shape = Literal["smooth", "steps"]


@dataclass(frozen=True)
class World:
    """Parameters of a simulated scene.

    Args:
        correlation_time: Number of frames that carry as much information as one
            independent frame, 1 or more.
        shape: ``smooth``, a first-order autoregression, or ``steps``, constant for
            ``correlation_time`` frames, then redrawn.
        share: Median share of the pixels that is splash, in (0, 1).
        bursts: Standard deviation of the logarithm of that share.
        shared: Standard deviation of the errors (logit) that all models share.
        own: Standard deviation of the slowly varying errors of each model.
        noise: Standard deviation of the errors that are independent between frames.
    """

    correlation_time: float = 10.0
    shape: Shape = "smooth"
    share: float = 0.02
    bursts: float = 1.2
    shared: float = 0.5
    own: float = 0.25
    noise: float = 0.25

    def series(self, rng: np.random.Generator, *shape: int) -> np.ndarray:
        """Series (..., N) of mean 0 and standard deviation 1."""
        *many, frames = shape
        if self.shape == "steps":
            length = round(self.correlation_time)
            levels = rng.standard_normal((*many, frames // length + 2))
            # A random phase, so that steps do not end where blocks do.
            begin = rng.integers(0, length, many)[..., None]
            return np.take_along_axis(levels, (np.arange(frames) + begin) // length, -1)
        kept = (self.correlation_time - 1) / (self.correlation_time + 1)
        values = rng.standard_normal(shape)
        values[..., 1:] *= np.sqrt(1 - kept**2)
        for frame in range(1, frames):
            values[..., frame] += kept * values[..., frame - 1]
        return values


def simulate(
    world: World,
    rng: np.random.Generator,
    frames: int,
    skill: np.ndarray,
) -> np.ndarray:
    """Counts of two arms, of one run or several each, on the same frames.

    Args:
        world: Parameters of the scene.
        rng: Random number generator.
        frames: Number of frames, N.
        skill: (T, J, 2), or (T, J, 2, N) where it differs between frames: for T trials
            with J runs of two arms, by how much the error rates (logit) are below
            average.

    Returns:
        (T, J, 2, N, 2, 2) int64, confusion matrix of each frame, in pixels.
    """
    trials, runs = skill.shape[:2]
    better = skill.reshape(*skill.shape[:3], -1)
    share = world.share * np.exp(world.bursts * world.series(rng, trials, 1, 1, frames))
    hard = world.shared * world.series(rng, trials, 1, 1, frames)
    splash = np.rint(PIXELS * share / (1 + share))

    def errors() -> np.ndarray:
        # Half of the variance is common to all runs of an arm.
        own = world.series(rng, trials, 1, 2, frames)
        if runs > 1:
            each = world.series(rng, trials, runs, 2, frames)
            own = (own + each) / np.sqrt(2)
        noise = world.noise * rng.standard_normal((trials, runs, 2, frames))
        return hard + world.own * own + noise - better

    missed = np.rint(splash / (1 + np.exp(1.5 - errors())))
    alarmed = np.rint((PIXELS - splash) * np.sqrt(share) * np.exp(errors() - 4.0))
    alarmed = np.minimum(alarmed, PIXELS - splash)
    entries = [PIXELS - splash - alarmed, alarmed, missed, splash - missed]
    counts = np.stack(np.broadcast_arrays(*entries), -1).astype(np.int64)
    return counts.reshape(*counts.shape[:-1], 2, 2)


def scores_of(confusion: np.ndarray, first: int = 0, **about: object) -> FrameScores:
    """Scores of one run from (N, 2, 2) counts, one frame per second from ``first``."""
    frames = range(first, first + len(confusion))
    return FrameScores(
        confusion=confusion,
        histogram=None,
        frames=tuple(f"{frame:010d}.png" for frame in frames),
        recordings=("pond",) * len(confusion),
        timestamps=np.arange(first, first + len(confusion)) * 10**9,
        classes=CLASSES,
        focus=CLASSES[1],
        about=about,
    )
