"""Predictions that are smoothed in time, before a pixel is decided."""

import math
from dataclasses import replace

import numpy as np
import torch

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.deploy.decide import decide
from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.predict.prediction import Prediction
from mmseg_splashkd.evaluation.events import ExponentialAverage

OPTION = "--smooth"
NONE = "not"  # smoothed, in what a folder is for
FADED = 40  # time constants after which a frame weighs e^-40 = 4e-18


class Smoother:
    """Averages the probabilities of frames, and decides their classes anew.

    The average is ``ExponentialAverage``; the camera must not move. A frame of another
    size begins a new one. Averages are rounded to float32, as probabilities are.

    Args:
        model: The model, by whose threshold a pixel is decided.
        tau_s: Time constant in seconds, above 0.

    Raises:
        ValueError: ``tau_s`` is out of its range.
    """

    def __init__(self, model: SplashModel, tau_s: float) -> None:
        self._average: ExponentialAverage[np.ndarray] = ExponentialAverage(tau_s)
        self._shape: tuple[int, ...] | None = None
        thresholds = model.engine.meta.thresholds
        # Deployed files decide by the threshold of one class at most.
        ((name, self._threshold),) = thresholds.items() or ((None, 0.5),)
        self._class_id = None if name is None else model.classes.index(name)

    @classmethod
    def of(cls, model: SplashModel, seconds: str | None) -> "Smoother | None":
        """Read the word of the command line.

        Args:
            model: The model.
            seconds: Time constant in seconds, such as ``'0.5'``; None: no smoothing.

        Raises:
            ValueError: It is no number above 0.
        """
        return None if seconds is None else cls(model, tau_of(seconds))

    def add(self, time_ns: int, prediction: Prediction) -> Prediction:
        """Smooth the prediction of the next frame.

        Args:
            time_ns: Time of the frame, above that of the last one.
            prediction: Its prediction.

        Returns:
            The same with averaged probabilities, and their classes.
        """
        new = prediction.probabilities
        if new.shape != self._shape:
            self._average = ExponentialAverage(self._average.tau_s)
            self._shape = new.shape
        smooth = self._average.add(time_ns, new).astype(np.float32)
        batch = torch.from_numpy(smooth)[None]
        labels = decide(batch, self._class_id, self._threshold)[0].numpy()
        return replace(prediction, labels=labels.astype(np.uint8), probabilities=smooth)

    def needs(self, time_ns: int, last_ns: int) -> bool:
        """Whether a frame still has weight in the frames after a time.

        Args:
            time_ns: Time of the frame.
            last_ns: That time.
        """
        return last_ns - time_ns <= FADED * self._average.tau_s * SECOND


def tau_of(seconds: str) -> float:
    """Read a time constant.

    Args:
        seconds: A number above 0.

    Raises:
        ValueError: It is something else.
    """
    try:
        tau_s = float(seconds)
    except ValueError as error:
        raise ValueError(f"{OPTION} {seconds!r} is not a number of seconds") from error
    if not 0 < tau_s < math.inf:
        raise ValueError(
            f"{OPTION} {seconds} must be seconds above 0: leave it out for none"
        )
    return tau_s


def smoothing_asked(seconds: str | None) -> dict[str, str]:
    """What distinguishes how predictions are smoothed, for ``claim_folder``.

    Args:
        seconds: Time constant; None: no smoothing.

    Raises:
        ValueError: It is no number above 0.
    """
    return {OPTION: NONE if seconds is None else f"{tau_of(seconds):.9g} s"}
