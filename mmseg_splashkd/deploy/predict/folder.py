"""Predicts pictures into a folder, and goes on where it stopped."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from rich.console import Console
from rich.progress import Progress

from mmseg_splashkd.datasets.image_file import read_as_training
from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.predict.sources import Picture, Pictures
from mmseg_splashkd.deploy.predict.stored import Stored
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

    A picture that cannot be read is named, and the others are predicted.

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
            check_regular(picture.path)
            sha256 = file_sha256(picture.path)
            row = self.stored.read(picture.name, sha256)
            frame = read_as_training(picture.path) if row is None else None
        except (OSError, ValueError) as error:
            return {}, False, one_line(str(error))
        if frame is not None:
            with self.turn:
                found = self.model.predict_frame(frame, picture.name, picture.path)
            found.save(self.stored.folder, self.coding, self.stored.overlays)
            row = found.row()
            self.stored.write(picture.name, sha256, row)
        named = {"picture": picture.file, "path": str(picture.path)}
        return {**(row or {}), **named}, frame is not None, ""
