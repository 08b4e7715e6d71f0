"""What is predicted of one frame."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mmseg_splashkd.datasets.label_coding import LabelCoding
from mmseg_splashkd.datasets.mask_coding import MASK_CODINGS, code_mask
from mmseg_splashkd.deploy.predict.blobs import Blob, find_blobs
from mmseg_splashkd.deploy.predict.figures import class_areas, class_figures
from mmseg_splashkd.deploy.predict.layout import (
    MASKS,
    OVERLAYS,
    picture_file,
    write_picture,
)
from mmseg_splashkd.evaluation.overlay import overlay

SHOWN = 4  # classes in a line


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """What is predicted of one frame.

    Attributes:
        name: Name of the frame, with ``/`` between folders and without suffix.
        frame: (H, W, 3) uint8 RGB, as the network read it.
        labels: (H, W) uint8 trainIds.
        probabilities: (C, H, W) float32 in [0, 1].
        coding: Classes, colours and gray values.
        path: File of the frame; None of an array.
    """

    name: str
    frame: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    coding: LabelCoding
    path: Path | None = None

    @cached_property
    def area(self) -> dict[str, int]:
        """Number of pixels of each class."""
        return class_areas(self.labels, self.coding)

    @cached_property
    def share(self) -> dict[str, float]:
        """Share of each class in the pixels, in [0, 1]."""
        return {name: area / self.labels.size for name, area in self.area.items()}

    @cached_property
    def confidence(self) -> float:
        """Mean probability of the predicted classes over the pixels, in [0, 1]."""
        chosen = np.take_along_axis(self.probabilities, self.labels[None], 0)
        return float(chosen.mean(dtype=np.float64))

    @cached_property
    def class_confidence(self) -> dict[str, float | None]:
        """Mean probability of each class over its pixels; None where it has none."""
        return {
            name: float(self.probabilities[i][self.labels == i].mean(dtype=np.float64))
            if self.area[name]
            else None
            for i, name in enumerate(self.coding.classes)
        }

    @cached_property
    def blobs(self) -> tuple[Blob, ...]:
        """Connected areas of all classes, by class and in reading order."""
        return tuple(
            blob
            for i, name in enumerate(self.coding.classes)
            for blob in find_blobs(self.labels, self.probabilities, i, name)
        )

    def row(self) -> dict[str, object]:
        """Its figures by name, of each class by ``<figure>_<class>``."""
        height, width = self.labels.shape
        found: dict[str, object] = {
            "picture": self.name,
            "path": "" if self.path is None else str(self.path),
            "width": width,
            "height": height,
            "confidence": self.confidence,
        }
        figures = class_figures(self.labels, self.coding)
        for name, measured in zip(self.coding.classes, figures, strict=True):
            found.update(measured)
            found[f"confidence_{name}"] = self.class_confidence[name]
        return found

    def draw(self, opacity: float = 0.5) -> np.ndarray:
        """Its classes over the frame.

        Args:
            opacity: Opacity of the colours, in [0, 1].

        Returns:
            (H, W, 3) uint8 RGB.
        """
        return overlay(self.frame, self.labels, self.coding.palette, opacity)

    def save(
        self, folder: str | Path, coding: str = "train_ids", overlays: bool = True
    ) -> Path:
        """Write ``masks/<name>.png`` and ``overlays/<name>.png``.

        Args:
            folder: Folder of both; created if missing. Files of these names are
                replaced.
            coding: Pixel values of the mask: ``'train_ids'``, ``'gray'`` (values of the
                data set) or ``'colour'``.
            overlays: Whether to write the overlay; default True.

        Returns:
            Path of the mask.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
            ValueError: ``coding`` is unknown, or a file would replace the frame.
        """
        if coding not in MASK_CODINGS:
            raise ValueError(f"coding={coding!r} is none of {', '.join(MASK_CODINGS)}")
        mask = picture_file(Path(folder), MASKS, self.name)
        write_picture(mask, code_mask(self.labels, coding, self.coding), self.path)
        if overlays:
            painted = picture_file(Path(folder), OVERLAYS, self.name)
            write_picture(painted, self.draw(), self.path)
        return mask

    def __str__(self) -> str:
        height, width = self.labels.shape
        shares = sorted(self.share.items(), key=lambda pair: -pair[1])[:SHOWN]
        shown = ", ".join(f"{name} {share:.2%}" for name, share in shares)
        return f"{self.name}: {width}x{height}, {shown}, mean p {self.confidence:.3f}"

    def __repr__(self) -> str:
        return f"<Prediction {self}>"
