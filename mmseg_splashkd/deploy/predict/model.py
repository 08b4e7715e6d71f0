"""A trained model, ready to predict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmseg_splashkd.datasets.label_coding import IGNORE, LabelCoding
from mmseg_splashkd.deploy.engines import Engine, checked_frames
from mmseg_splashkd.deploy.predict.opening import open_model
from mmseg_splashkd.deploy.predict.prediction import Prediction
from mmseg_splashkd.deploy.predict.predictions import Predictions
from mmseg_splashkd.deploy.predict.sources import find_pictures, read_picture

Source = np.ndarray | str | Path
Named = tuple[str, Path | None, np.ndarray]


@dataclass(frozen=True, eq=False, repr=False)
class SplashModel:
    """A trained model, ready to predict.

    Args:
        engine: What runs it.

    Example:
        ``SplashModel.load("student.onnx").predict("frames").save("predicted")``
    """

    engine: Engine

    @classmethod
    def load(
        cls,
        path: str | Path,
        config: str | Path | None = None,
        engine: str | None = None,
        threads: int | None = None,
    ) -> "SplashModel":
        """Open a model.

        Args:
            path: ``.onnx`` file of ``tools/export.py``, or weights (``.safetensors``,
                ``.pth``), which run in PyTorch; of weights, a pattern that fits one.
            config: Config of the weights; of a distillation, the student is opened. By
                default the config in the record beside them.
            engine: Of an exported file one of ``ENGINES``, by default
                ``'onnxruntime'``; of weights ``'torch'`` (default) or
                ``'torch_compile'``.
            threads: Number of threads, from 1; by default one for each core. Of weights
                it holds for all of PyTorch.

        Raises:
            FileNotFoundError: A file is missing.
            ImportError: The engine is not installed.
            ValueError: The file is no model, is damaged or lacks its config, an
                argument does not fit it, or the config cannot be deployed.
        """
        return cls(open_model(path, config, engine, threads))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the C classes."""
        return self.engine.meta.classes

    @property
    def coding(self) -> LabelCoding:
        """Classes, colours and gray values."""
        meta = self.engine.meta
        # No pixel is predicted as ignored.
        table = {k: v for k, v in meta.gray_to_train_id.items() if v != IGNORE}
        back = {k: v for k, v in meta.train_id_to_gray.items() if k != IGNORE}
        return LabelCoding(meta.classes, meta.palette, table, train_id_to_gray=back)

    def predict(self, source: Source | Sequence[Source]) -> Predictions:
        """Predict frames.

        Args:
            source: A frame (H, W, 3) or frames (N, H, W, 3), uint8 RGB; the path of a
                picture, or of a folder, whose pictures at any depth are taken; or a
                list of these. Pictures are read as in training: upright by their EXIF
                orientation, the upper 8 of 16 bits, gray as three equal channels,
                without alpha.

        Returns:
            One prediction for each frame, with the frame and all probabilities in
            memory: take ``stream`` for many.

        Raises:
            FileNotFoundError: There is no such file.
            TypeError: An array is not of uint8, or it is something else.
            ValueError: An array has another shape, a picture cannot be read, there is
                none, or the probabilities are not finite.
        """
        return Predictions(tuple(self.stream(source)))

    def stream(self, source: Source | Sequence[Source]) -> Iterator[Prediction]:
        """As ``predict``, one frame at a time."""
        for name, path, frame in _frames(source):
            yield self.predict_frame(frame, name, path)

    def predict_frame(
        self, frame: np.ndarray, name: str = "0", path: Path | None = None
    ) -> Prediction:
        """Predict one frame.

        Args:
            frame: (H, W, 3) uint8 RGB.
            name: Its name, of which the names of files are made.
            path: Its file.

        Raises:
            TypeError: It is no array of uint8.
            ValueError: It has another shape, or the probabilities are not finite.
        """
        probabilities, labels = self.engine.run(checked_frames(frame[None]))
        if not np.isfinite(probabilities).all():
            raise ValueError(
                f"{name}: probabilities are not finite: the weights are of a run that "
                f"diverged, or their numbers do not fit into this engine"
            )
        return Prediction(name, frame, labels[0], probabilities[0], self.coding, path)

    def __repr__(self) -> str:
        classes = ", ".join(self.classes)
        return f"<SplashModel of {classes} in {self.engine.name}>"


def _frames(source: Source | Sequence[Source]) -> Iterator[Named]:
    """Name, file and pixels of each frame."""
    listed = source if isinstance(source, list | tuple) else [source]
    if not listed:
        raise ValueError("predict got an empty list: give at least one frame")
    arrays = [each for each in listed if isinstance(each, np.ndarray)]
    paths = [each for each in listed if isinstance(each, str | Path)]
    if len(arrays) == len(listed):
        yield from _numbered(arrays)
    elif len(paths) == len(listed):
        for each in find_pictures(paths).found:
            yield each.name, each.path, read_picture(each.path)
    else:
        kinds = ", ".join(sorted({type(each).__name__ for each in listed}))
        raise TypeError(
            f"predict takes arrays of uint8 or paths, alone or in a list, and got "
            f"{kinds}"
        )


def _numbered(arrays: Sequence[np.ndarray]) -> Iterator[Named]:
    batches = (checked_frames(a if a.ndim == 4 else a[None]) for a in arrays)
    frames = (frame for batch in batches for frame in batch)
    for number, frame in enumerate(frames):
        yield f"{number:06d}", None, frame
