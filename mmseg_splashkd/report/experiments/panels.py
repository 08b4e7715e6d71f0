"""Pictures of frames: frame, truth, and prediction and errors of each arm."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.label_coding import IGNORE, LabelCoding, read_gray
from mmseg_splashkd.records.store import Run
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.experiments.frames import (
    FrameOfArms,
    disagreements,
    frames_of,
    typical_frames,
)
from mmseg_splashkd.report.experiments.labels import labels_of, prediction_path
from mmseg_splashkd.report.formatting import number
from mmseg_splashkd.report.hero import Picture
from mmseg_splashkd.report.pictures import Color, paint_classes, read_rgb
from mmseg_splashkd.report.tiles import TileRow, legend, prediction_tiles, tile_of
from mmseg_splashkd.statistics.metrics import areas_of, parse_metric

OTHER_WEIGHTS = (
    "The pictures do not match the figures: they are of other weights, or of another "
    "threshold."
)


@dataclass(frozen=True)
class Panels:
    """Pictures of frames, or the reason why there are none.

    Args:
        typical: Rows of typical frames.
        disagreements: Rows of frames where the first two arms differ most.
        legend: Names and CSS colours in the pictures.
        remark: What qualifies the pictures.
        missing: Why there are no pictures.
        command: Command that makes them possible.
    """

    typical: Sequence[TileRow] = ()
    disagreements: Sequence[TileRow] = ()
    legend: Sequence[tuple[str, str]] = ()
    remark: str | None = None
    missing: str | None = None
    command: str | None = None


@dataclass(frozen=True, eq=False)
class PaintedFrame:
    """Maps of one frame.

    Args:
        frame: The frame.
        image: (H, W, 3) uint8 RGB.
        truth: (H, W) uint8 trainIds, 255 where ignored.
        predictions: (H, W) uint8 trainIds of each arm.
        coding: Label coding.
    """

    frame: FrameOfArms
    image: np.ndarray
    truth: np.ndarray
    predictions: tuple[np.ndarray, ...]
    coding: LabelCoding

    @property
    def palette(self) -> list[Color]:
        """One (R, G, B) in [0, 255] per class."""
        return [(r, g, b) for r, g, b in self.coding.palette]

    @property
    def wrong(self) -> tuple[int, ...]:
        """Wrong pixels of each prediction."""
        valid = self.truth != IGNORE
        return tuple(int(((p != self.truth) & valid).sum()) for p in self.predictions)


class FrameReader:
    """Reads the maps of frames.

    Args:
        arms: Arms whose predictions are read.
        part: ``'val'`` or ``'test'``.
    """

    def __init__(self, arms: Sequence[ArmRuns], part: str) -> None:
        self.arms = arms
        self.part = part
        self._labels: dict[Run, tuple[LabelCoding, Mapping[str, str]]] = {}

    def without_predictions(self, frames: Sequence[FrameOfArms]) -> Run | None:
        """The first run that lacks the prediction of a frame."""
        for frame in frames:
            for run in self._runs(frame):
                path = prediction_path(run.work_dir, self.part, frame.image)
                if not path.is_file():
                    return run
        return None

    def read(self, frame: FrameOfArms) -> PaintedFrame:
        """Read frame, label and predictions.

        Raises:
            OSError: A file is missing or damaged.
            ValueError: The frame is in the part no longer, or sizes differ.
        """
        runs = self._runs(frame)
        coding, labels = self._labels_of(runs[0])
        if frame.image not in labels:
            raise ValueError(f"{frame.image} is no longer in part {self.part}")
        label = labels[frame.image]
        truth = coding.to_train_ids(read_gray(label), label)
        predictions = []
        for run in runs:
            path = prediction_path(run.work_dir, self.part, frame.image)
            with Image.open(path) as file:
                prediction = np.asarray(file)
            if prediction.shape != truth.shape:
                raise ValueError(
                    f"{path} has shape {prediction.shape}, its label {truth.shape}"
                )
            predictions.append(prediction)
        image = read_rgb(frame.image)
        return PaintedFrame(frame, image, truth, tuple(predictions), coding)

    def _runs(self, frame: FrameOfArms) -> list[Run]:
        return [a.runs[i] for a, i in zip(self.arms, frame.runs, strict=True)]

    def _labels_of(self, run: Run) -> tuple[LabelCoding, Mapping[str, str]]:
        if run not in self._labels:
            self._labels[run] = labels_of(run.record, self.part)
        return self._labels[run]


def panels(arms: Sequence[ArmRuns], part: str) -> Panels:
    """Paint typical frames, and those where the first two arms differ most.

    Args:
        arms: One arm or more.
        part: ``'val'`` or ``'test'``: the part whose predictions are shown.
    """
    frames = frames_of(arms)
    focus = arms[0].arm.first.focus
    typical = typical_frames(frames, focus)
    differing = disagreements(frames) if len(arms) > 1 else []
    reader = FrameReader(arms, part)
    run = reader.without_predictions([*(f for _, f in typical), *differing])
    if run is not None:
        return Panels(
            missing=f"{run.name} kept no predictions.",
            command=command_for_predictions(run, part),
        )
    try:
        painted = {
            id(f): reader.read(f) for f in (*(f for _, f in typical), *differing)
        }
    except (OSError, ValueError) as error:
        return Panels(
            missing=f"The frames or their labels cannot be read: {error}. Paths in a "
            f"record are relative to the folder where the run was trained."
        )
    if not painted:
        return Panels(missing="All arms have the same errors in every frame.")
    agree = all(each.wrong == each.frame.wrong for each in painted.values())
    some = next(iter(painted.values()))
    return Panels(
        typical=[_row(arms, painted[id(f)], reason) for reason, f in typical],
        disagreements=[_row(arms, painted[id(f)], _gain(arms, f)) for f in differing],
        legend=legend(some.coding.classes, some.palette),
        remark=None if agree else OTHER_WEIGHTS,
    )


def _gain(arms: Sequence[ArmRuns], frame: FrameOfArms) -> str:
    better = arms[1] if frame.gain > 0 else arms[0]
    pixels = "pixel" if abs(frame.gain) == 1 else "pixels"
    return f"{better.title} has {abs(frame.gain):,} fewer {pixels} wrong"


def _row(arms: Sequence[ArmRuns], painted: PaintedFrame, title: str) -> TileRow:
    frame, focus = painted.frame, arms[0].arm.first.focus
    name = Path(frame.image).name
    truth = paint_classes(painted.image, painted.truth, painted.palette)
    tiles = [
        tile_of(painted.image, "Frame", frame.place, f"Frame {name}"),
        tile_of(
            truth, "Truth", f"{frame.area:,} px {focus}", f"True classes of {name}"
        ),
    ]
    train_id = list(painted.coding.classes).index(focus)
    for arm, prediction in zip(arms, painted.predictions, strict=True):
        maps = painted.image, painted.truth, prediction
        tiles += prediction_tiles(
            arm.title, name, maps, painted.palette, train_id, focus
        )
    fold = frame.runs[0].fold
    where = name if fold is None else f"fold {fold}, {name}"
    return TileRow(title, where, tiles, columns=1 + len(arms))


def hero_pictures(arms: Sequence[ArmRuns], part: str) -> list[Picture]:
    """Frame with most of the focus class, its truth, and the prediction of each arm.

    Args:
        arms: One arm or more, with predictions.
        part: ``'val'`` or ``'test'``.

    Returns:
        Pictures for ``write_hero``.

    Raises:
        OSError: A file is missing or damaged.
        ValueError: See ``FrameReader.read``.
    """
    scores = arms[0].arm.first
    frames = typical_frames(frames_of(arms), scores.focus)
    painted = FrameReader(arms, part).read(frames[0][1])
    frame, palette = painted.frame, painted.palette
    truth = paint_classes(painted.image, painted.truth, palette)
    classes = tuple(zip(palette, painted.coding.classes, strict=True))
    pictures: list[Picture] = [
        ("Frame", painted.image, [(None, Path(frame.image).name)]),
        ("Truth", truth, classes),
    ]
    dice = parse_metric(f"Dice.{scores.focus}", scores.classes)
    for index, arm in enumerate(arms):
        run = arm.arm.runs[frame.runs[index]]
        overall = float(dice.of(areas_of(run.confusion.sum(0))))
        line = (
            f"{scores.focus} Dice {number(frame.dice[index], 1)} here, "
            f"{number(overall, 1)} overall"
        )
        picture = paint_classes(painted.image, painted.predictions[index], palette)
        pictures.append((arm.title, picture, [(None, line)]))
    return pictures


def command_for_predictions(run: Run, part: str) -> str:
    """Command that writes the predictions of a run where this page reads them."""
    record = run.record
    weights = record.weights.last
    path = run.work_dir / (weights.path if weights else "weights_*_last.safetensors")
    options = {**record.options, "test_dataloader.dataset.split": part}
    given = [shlex.quote(f"{key}={value}") for key, value in options.items()]
    parts = [
        "python tools/test.py",
        record.config or "CONFIG",
        shlex.quote(str(path)),
        f"--out {shlex.quote(str(run.work_dir / 'predictions' / part))}",
        f"--cfg-options {' '.join(given)}",
    ]
    return " \\\n  ".join(parts)
