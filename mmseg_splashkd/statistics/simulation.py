"""Runs of which is known whether they differ: what the method is checked on.

A frame's share of splash, how hard it is, and what each model makes of it vary slowly:
each is a stationary Gaussian series, in which ``together`` frames tell as much as one
independent one. Splash comes in bursts (its share is log-normal, so that a tenth of the
frames holds most of it), errors of two models on a frame are partly the same.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mmseg_splashkd.evaluation.frame_scores import FrameScores

PIXELS = 10_000  # of a frame
CLASSES = ("water", "splash")
Shape = Literal["smooth", "steps"]


@dataclass(frozen=True)
class World:
    """What is filmed, and how like neighbours are.

    Args:
        together: Frames that tell as much as one independent one, 1 or more.
        shape: ``smooth``, a first-order autoregression, or ``steps``, constant for
            ``together`` frames and then new.
        share: Median share of splash.
        bursts: Standard deviation of its logarithm: how unequal frames are.
        shared: Standard deviation of the errors (logit) that models have in common.
        own: That of each model's own ones.
        noise: That of its errors without memory.
    """

    together: float = 10.0
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
            length = round(self.together)
            levels = rng.standard_normal((*many, frames // length + 2))
            # Steps end anywhere, not where blocks do.
            begin = rng.integers(0, length, many)[..., None]
            return np.take_along_axis(levels, (np.arange(frames) + begin) // length, -1)
        kept = (self.together - 1) / (self.together + 1)
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
    """Counts of two models, or of several runs of each, on the same frames.

    Args:
        world: What is filmed.
        rng: Source of chance.
        frames: N.
        skill: (T, J, 2), or (T, J, 2, N) where it changes from fold to fold: in each of
            T trials, of J runs of two arms, how much better than average a model is
            (logit of its error rates).

    Returns:
        (T, J, 2, N, 2, 2) int64, confusion of each frame.
    """
    trials, runs = skill.shape[:2]
    better = skill.reshape(*skill.shape[:3], -1)
    share = world.share * np.exp(world.bursts * world.series(rng, trials, 1, 1, frames))
    hard = world.shared * world.series(rng, trials, 1, 1, frames)
    splash = np.rint(PIXELS * share / (1 + share))

    def errors() -> np.ndarray:
        # One model's own way is the same in all its runs, but for a part.
        own = world.series(rng, trials, 1, 2, frames)
        if runs > 1:
            each = world.series(rng, trials, runs, 2, frames)
            own = (own + each) / np.sqrt(2)
        noise = world.noise * rng.standard_normal((trials, runs, 2, frames))
        return hard + world.own * own + noise - better

    missed = np.rint(splash / (1 + np.exp(1.5 - errors())))
    alarmed = np.rint((PIXELS - splash) * np.sqrt(share) * np.exp(errors() - 4.0))
    alarmed = np.minimum(alarmed, PIXELS - splash)
    cells = [PIXELS - splash - alarmed, alarmed, missed, splash - missed]
    counts = np.stack(np.broadcast_arrays(*cells), -1).astype(np.int64)
    return counts.reshape(*counts.shape[:-1], 2, 2)


def scores_of(confusion: np.ndarray, first: int = 0, **about: object) -> FrameScores:
    """Counts of (N, 2, 2) as a run leaves them, a frame a second from ``first`` on."""
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
