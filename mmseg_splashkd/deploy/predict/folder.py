"""Predicts pictures into a folder, and goes on where it stopped."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from mmseg_splashkd.datasets.mask_coding import read_mask
from mmseg_splashkd.deploy.predict.figures import corrected_row
from mmseg_splashkd.deploy.predict.layout import write_picture
from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.predict.sources import Picture, Pictures, read_picture
from mmseg_splashkd.deploy.predict.stored import Kept, Stored
from mmseg_splashkd.evaluation.overlay import overlay
from mmseg_splashkd.files import check_regular, file_sha256
from mmseg_splashkd.foreign import one_line

# Reading, figures and PNGs take longer than a small network; each holds one frame.
WORKERS = 4
Row = dict[str, Any]


@dataclass
class Outcome:
    """What came of the pictures.

    Attributes:
        rows: Figures of each picture that has a mask, in the order of the pictures.
        unreadable: Picture -> why it cannot be read.
        predicted: Number of pictures predicted now; the others were there.
    """

    rows: dict[Picture, Row] = field(default_factory=dict)
    unreadable: dict[Picture, str] = field(default_factory=dict)
    predicted: int = 0


def predict_pictures(
    model: SplashModel,
    pictures: Pictures,
    stored: Stored,
    coding: str,
    console: Console | None = None,
) -> Outcome:
    """Predict the pictures that the folder does not have yet.

    A picture that cannot be read is named, and the others are predicted. A mask that
    somebody has corrected stays, and figures and overlay become those of it.

    Args:
        model: The model, which predicts one frame at a time.
        pictures: The pictures.
        stored: Folder of masks, overlays and figures.
        coding: Pixel values of the masks, one of ``MASK_CODINGS``.
        console: Where progress is shown; default standard error.

    Raises:
        UnwritableError: Drive, quota or rights do not allow it.
        ValueError: Probabilities are not finite.
    """
    outcome, job = Outcome(), _Job(model, stored, coding)
    # Progress.track() leaves its thread running if the loop body raises.
    with (
        Progress(console=console or Console(stderr=True)) as progress,
        ThreadPoolExecutor(WORKERS) as pool,
    ):
        task = progress.add_task("Predicting", total=len(pictures.found))
        try:
            found = zip(pictures.found, pool.map(job, pictures.found), strict=True)
            for picture, (row, is_new, problem) in found:
                if problem:
                    text = f"left out: {problem}"
                    progress.console.print(
                        text, markup=False, highlight=False, soft_wrap=True
                    )
                    outcome.unreadable[picture] = problem
                else:
                    outcome.rows[picture] = row
                outcome.predicted += is_new
                progress.advance(task)
        except BaseException:  # also Ctrl-C: leave those that have not begun
            pool.shutdown(cancel_futures=True)
            raise
    return outcome


@dataclass(frozen=True)
class _Job:
    """Predicts one picture, in one of several threads."""

    model: SplashModel
    stored: Stored
    coding: str
    turn: Any = field(default_factory=Lock)

    def __call__(self, picture: Picture) -> tuple[Row, bool, str]:
        """Figures, whether they are new, and why it cannot be read."""
        try:
            found = self._read(picture)
        except (OSError, ValueError) as error:
            return {}, False, one_line(str(error))
        named = {"picture": picture.file, "path": str(picture.path)}
        if found.kept is None:
            return {**self._predicted(picture, found), **named}, True, ""
        return {**self._kept(picture, found, found.kept), **named}, False, ""

    def _read(self, picture: Picture) -> "_Found":
        check_regular(picture.path)
        sha256 = file_sha256(picture.path)
        kept = self.stored.read(picture.name, sha256)
        if kept is None:
            return _Found(sha256, None, read_picture(picture.path))
        is_drawn = self.stored.overlays and (kept.is_corrected or not kept.has_overlay)
        frame = read_picture(picture.path) if is_drawn else None
        labels = None
        if is_drawn or kept.is_corrected:
            mask = self.stored.mask(picture.name)
            labels = read_mask(mask, self.coding, self.model.coding)
            _check_size(mask, labels, kept.row)
        return _Found(sha256, kept, frame, labels)

    def _predicted(self, picture: Picture, found: "_Found") -> Row:
        assert found.frame is not None
        with self.turn:
            new = self.model.predict_frame(found.frame, picture.name, picture.path)
        new.save(self.stored.folder, self.coding, self.stored.overlays)
        row = new.row()
        self.stored.write(picture.name, found.sha256, row)
        return row

    def _kept(self, picture: Picture, found: "_Found", kept: Kept) -> Row:
        """What is there already; only its overlay may be new."""
        coding = self.model.coding
        if found.labels is None:
            return kept.row
        if found.frame is not None:
            painted = overlay(found.frame, found.labels, coding.palette)
            write_picture(self.stored.overlay(picture.name), painted, picture.path)
        if kept.is_corrected:
            return corrected_row(kept.row, found.labels, coding)
        return kept.row


@dataclass(frozen=True)
class _Found:
    """What was read of a picture: None is not needed.

    Attributes:
        sha256: Hash of its file.
        kept: What is there of it already.
        frame: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8 trainIds of the mask that is there.
    """

    sha256: str
    kept: Kept | None
    frame: np.ndarray | None = None
    labels: np.ndarray | None = None


def _check_size(mask: Path, labels: np.ndarray, row: Row) -> None:
    height, width = labels.shape
    if (width, height) != (row["width"], row["height"]):
        raise ValueError(
            f"{mask} is {width}x{height} and its picture "
            f"{row['width']}x{row['height']}: save it in the size of the picture, or "
            f"remove it to have it predicted again"
        )
