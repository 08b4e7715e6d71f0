"""Pixel counts of every tested frame, from which all statistics are computed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmseg_splashkd.evaluation.areas import valid_pixels
from mmseg_splashkd.files import whole_file
from mmseg_splashkd.foreign import parse_json, read_arrays, reading

VERSION = 1
COUNTS = {"confusion", "histogram", "timestamps"}
BINS = 256  # bins of a probability in [0, 1]; thresholds are their lower edges


@dataclass(frozen=True, eq=False)
class FrameScores:
    """Counts of N frames in the order of the data set, which is the order of time.

    Every pixel score and its interval over frames can be computed from them exactly,
    without the model and the frames.

    Args:
        confusion: (N, C, C) int64, the rows true and the columns predicted classes, in
            pixels; ignored pixels are not counted.
        histogram: (N, 2, BINS) int64, pixels by the predicted probability of
            ``focus``: row 0 pixels of other classes, row 1 pixels of the class. Bin b
            holds probabilities in [b / BINS, (b + 1) / BINS), the last bin also 1. None
            if the model outputs no probabilities.
        frames: N paths of the frames, as in the data set.
        recordings: N names of the videos of the frames; '.' if unknown.
        timestamps: (N,) int64, UNIX time in nanoseconds; -1 if unknown.
        classes: Names of the C classes.
        focus: Focus class, the class of ``histogram``.
        about: JSON values that describe the run: ``run`` (its name), ``part`` (val or
            test), ``weights`` (best or last), ``iteration``, ``fold``, ``seed``, ...

    Raises:
        ValueError: The shapes do not fit together.
    """

    confusion: np.ndarray
    histogram: np.ndarray | None
    frames: tuple[str, ...]
    recordings: tuple[str, ...]
    timestamps: np.ndarray
    classes: tuple[str, ...]
    focus: str
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frames, classes = len(self.frames), len(self.classes)
        shapes = {
            "confusion": (self.confusion, (frames, classes, classes)),
            "timestamps": (self.timestamps, (frames,)),
            "recordings": (np.empty(len(self.recordings)), (frames,)),
        }
        if self.histogram is not None:
            shapes["histogram"] = (self.histogram, (frames, 2, BINS))
        for name, (array, shape) in shapes.items():
            if array.shape != shape:
                raise ValueError(f"{name} has shape {array.shape}, and must be {shape}")
        if self.focus not in self.classes:
            raise ValueError(f"focus={self.focus!r} is not one of {self.classes}")

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def focus_index(self) -> int:
        """The trainId of ``focus``."""
        return self.classes.index(self.focus)


def focus_index(classes: Sequence[str], name: str | None) -> int:
    """Index of the focus class: the class ``name``, by default the last.

    Raises:
        ValueError: There is no such class.
    """
    if name is None:
        return len(classes) - 1
    if name not in classes:
        raise ValueError(f"focus_class={name!r} is not a class of the data: {classes}")
    return list(classes).index(name)


def probability_histogram(
    probability: Tensor, label: Tensor, class_id: int, num_classes: int
) -> Tensor:
    """Histogram of the predicted probability of a class over valid pixels.

    Args:
        probability: (H, W) float in [0, 1].
        label: (H, W) class ids in [0, C) or 255 (ignored).
        class_id: Index of the class.
        num_classes: Number of classes, C.

    Returns:
        (2, BINS) int64: pixels of other classes, pixels of the class.

    Raises:
        ValueError: The shapes differ or a label is not a class.
    """
    label = label.long()
    valid = valid_pixels(label, probability.shape, num_classes)
    bins = (probability[valid] * BINS).long().clamp_(0, BINS - 1)
    index = (label[valid] == class_id).long() * BINS + bins
    return torch.bincount(index, minlength=2 * BINS).reshape(2, BINS)


def save_scores(scores: FrameScores, path: str | Path) -> Path:
    """Write scores atomically to an ``.npz`` file; its folder is created."""
    histogram = scores.histogram
    arrays: dict[str, Any] = {
        "confusion": scores.confusion.astype(np.int64),
        "timestamps": scores.timestamps.astype(np.int64),
        "frames": _text(scores.frames),
        "recordings": _text(scores.recordings),
        "classes": _text(scores.classes),
        "about": _text([json.dumps(dict(scores.about)), scores.focus]),
        "version": np.int64(VERSION),
    }
    if histogram is not None:
        arrays["histogram"] = histogram.astype(np.int64)
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
    return Path(path)


def _text(values: Sequence[str]) -> np.ndarray:
    return np.asarray(list(values), dtype=np.str_)


def load_scores(path: str | Path) -> FrameScores:
    """Read a file of ``save_scores``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, no scores file, or of another version.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"scores {path} do not exist: tools/train.py writes them to the folder "
            f"scores of its work directory, tools/test.py to scores.npz in its own"
        )
    with reading(path, "scores", "are damaged, or not scores"):
        arrays = read_arrays(path)
        if (version := int(arrays["version"])) != VERSION:
            raise ValueError(
                f"scores {path} are of version {version}, this code reads {VERSION}: "
                f"test the weights again"
            )
        for name in COUNTS & arrays.keys():
            _check_counts(name, arrays[name])
        about, focus = _texts(arrays, "about")
        values = parse_json(about)
        if not isinstance(values, dict):
            raise ValueError(f"about is {type(values).__name__}, not an object")
        return FrameScores(
            confusion=arrays["confusion"],
            histogram=arrays.get("histogram"),
            frames=_texts(arrays, "frames"),
            recordings=_texts(arrays, "recordings"),
            timestamps=arrays["timestamps"],
            classes=_texts(arrays, "classes"),
            focus=focus,
            about=values,
        )


def _check_counts(name: str, array: np.ndarray) -> None:
    least = -1 if name == "timestamps" else 0
    if array.dtype.kind not in "iu" or (array.size and array.min() < least):
        raise ValueError(f"{name} must be whole numbers >= {least}")


def _texts(arrays: Mapping[str, np.ndarray], name: str) -> tuple[str, ...]:
    array = arrays[name]
    if array.ndim != 1 or (array.size and array.dtype.kind != "U"):
        raise ValueError(f"{name} is no list of texts")
    return tuple(map(str, array.tolist()))
