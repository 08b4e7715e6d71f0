"""Predicts pictures into a folder, and goes on where it stopped."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import Progress

from mmseg_splashkd.datasets.image_file import read_as_training
from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.predict.sources import Picture, Pictures
from mmseg_splashkd.deploy.predict.stored import Stored
from mmseg_splashkd.files import check_regular, file_sha256
from mmseg_splashkd.foreign import one_line

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
        model: The model.
        pictures: The pictures.
        stored: Folder of masks, overlays and figures.
        coding: Pixel values of the masks, one of ``MASK_CODINGS``.
        console: Where progress is shown; default standard error.

    Raises:
        UnwritableError: Drive, quota or rights do not allow it.
        ValueError: Probabilities are not finite.
    """
    outcome = Outcome()
    # Progress.track() leaves its thread running if the loop body raises.
    with Progress(console=console or Console(stderr=True)) as progress:
        task = progress.add_task("Predicting", total=len(pictures.found))
        for picture in pictures.found:
            _predict(model, picture, stored, coding, outcome, progress.console.print)
            progress.advance(task)
    return outcome


def _predict(
    model: SplashModel,
    picture: Picture,
    stored: Stored,
    coding: str,
    outcome: Outcome,
    tell: Callable[..., None],
) -> None:
    try:
        check_regular(picture.path)
        sha256 = file_sha256(picture.path)
        row = stored.read(picture.name, sha256)
        frame = read_as_training(picture.path) if row is None else None
    except (OSError, ValueError) as error:
        outcome.unreadable[picture] = reason = one_line(str(error))
        tell(f"left out: {reason}", markup=False, highlight=False, soft_wrap=True)
        return
    if frame is not None:
        prediction = model.predict_frame(frame, picture.name, picture.path)
        prediction.save(stored.folder, coding, stored.overlays)
        row = prediction.row()
        stored.write(picture.name, sha256, row)
        outcome.predicted += 1
    assert row is not None
    outcome.rows[picture] = {**row, "picture": picture.file, "path": str(picture.path)}
