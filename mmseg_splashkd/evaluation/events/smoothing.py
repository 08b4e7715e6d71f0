"""Exponential average over time, of frames at any intervals."""

import math
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import numpy as np

from mmseg_splashkd.datasets.timestamps import SECOND

VERSION = 1  # of the state
Value = TypeVar("Value", float, np.ndarray)


class ExponentialAverage(Generic[Value]):
    """Average y of values x, of which old ones fade with a time constant.

    y is the first value, and then moves to each further one by the weight
    w = 1 - exp(-dt / tau): y + w (x - y), with dt the seconds since the last frame.
    This is the low-pass filter dy/dt = (x - y) / tau solved exactly for an x that holds
    back to the last frame, so that the delay does not depend on the frame rate. A step
    is followed to 63 % after tau seconds: events begin and end that much later. Noise
    is averaged by the number of frames in tau.

    Args:
        tau_s: Time constant tau in seconds, above 0.

    Raises:
        ValueError: ``tau_s`` is out of its range.
    """

    def __init__(self, tau_s: float) -> None:
        if not 0 < tau_s < math.inf:
            raise ValueError(
                f"tau_s={tau_s!r}: give a time constant in seconds above 0; without "
                f"smoothing, leave it out"
            )
        self.tau_s = float(tau_s)
        self._time_ns: int | None = None
        self._value: Any = None

    def add(self, time_ns: int, value: Value) -> Value:
        """Add the value of a frame.

        Args:
            time_ns: Its time, UNIX nanoseconds, above that of the last frame.
            value: A finite number, such as a share, or an array of any shape, such as a
                (H, W) map of probabilities; that of all frames.

        Returns:
            The average, float, or float64 of the shape of ``value``.

        Raises:
            ValueError: The time does not increase, the shape changes or a value is not
                finite; the average is unchanged and takes further frames.
        """
        new = np.asarray(value, np.float64)
        if not np.isfinite(new).all():
            raise ValueError("value is not finite: leave out the frame")
        if self._time_ns is None:
            self._value = new.copy()
        else:
            step = self._step(time_ns, new.shape)
            weight = -math.expm1(-step / self.tau_s)
            self._value = self._value + weight * (new - self._value)
        self._time_ns = int(time_ns)
        if isinstance(value, np.ndarray):
            return self._value.copy()
        return float(self._value)  # pyright: ignore[reportReturnType]

    def _step(self, time_ns: int, shape: tuple[int, ...]) -> float:
        assert self._time_ns is not None
        if time_ns <= self._time_ns:
            raise ValueError(
                f"time_ns={time_ns} is not after the last frame, {self._time_ns}: drop "
                f"the frame and count it"
            )
        if shape != self._value.shape:
            raise ValueError(
                f"value has shape {shape}, and the average {self._value.shape}: begin "
                f"a new average"
            )
        return (int(time_ns) - self._time_ns) / SECOND

    def state(self) -> dict[str, Any]:
        """All that the average knows, as JSON values, for ``resume``."""
        value = None if self._value is None else self._value.tolist()
        return {
            "version": VERSION,
            "tau_s": self.tau_s,
            "time_ns": self._time_ns,
            "value": value,
        }

    @classmethod
    def resume(cls, state: Mapping[str, Any]) -> "ExponentialAverage":
        """An average that goes on where another one was, to the same values.

        Args:
            state: Its ``state``, also when it was written as JSON meanwhile.

        Raises:
            ValueError: The state is damaged or of another version.
        """
        try:
            if state["version"] != VERSION:
                raise ValueError(f"it is of version {state['version']!r}")
            average = cls(float(state["tau_s"]))
            if state["time_ns"] is not None:
                average._time_ns = int(state["time_ns"])
                average._value = np.asarray(state["value"], np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"the state of an average cannot be read ({error}): begin with a new "
                f"ExponentialAverage"
            ) from error
        return average
