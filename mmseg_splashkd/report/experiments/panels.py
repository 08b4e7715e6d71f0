"""Pictures of frames: frame, truth, and prediction and errors of each arm."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import metrics_of
from mmseg_splashkd.datasets.image_file import open_image
from mmseg_splashkd.datasets.label_coding import IGNORE, LabelCoding, read_gray
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.evaluation.dice_metric import DiceMetric
from mmseg_splashkd.evaluation.frame_files import frame_name
from mmseg_splashkd.records.record import RunRecord
from mmseg_splashkd.records.store import Run
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.experiments.frames import (
    FrameOfArms,
    disagreements,
    frames_of,
    typical_frames,
)
from mmseg_splashkd.report.experiments.labels import labels_of, read_value
from mmseg_splashkd.report.formatting import css, number, plural
from mmseg_splashkd.report.hero import Picture
from mmseg_splashkd.report.pictures import (
    FALSE_ALARM,
    HIT,
    MISSED,
    Tile,
    TileRow,
    error_masks,
    paint_classes,
    paint_masks,
    read_rgb,
    tile_of,
)
from mmseg_splashkd.statistics.metrics import areas_of, parse_metric

OTHER_WEIGHTS = (
    "The pictures do not match the figures: they are of other weights, or of another "
    "threshold."
)
MARKS = {"hit": HIT, "missed": MISSED, "false alarm": FALSE_ALARM}


@dataclass(frozen=True, eq=False)
class PaintedFrame:
    """Maps of one frame.

    Args:
        frame: The frame.
        image: (H, W, 3) uint8 RGB.
        truth: (H, W) uint8 trainIds, 255 where ignored.
        predictions: (H, W) uint8 trainIds by arm.
        coding: Label coding.
    """

    frame: FrameOfArms
    image: np.ndarray
    truth: np.ndarray
    predictions: Mapping[ArmRuns, np.ndarray]
    coding: LabelCoding

    @property
    def matches(self) -> bool:
        """Whether each prediction has as many wrong pixels as its scores."""
        valid = self.truth != IGNORE
        wrong = [((p != self.truth) & valid).sum() for p in self.predictions.values()]
        return wrong == list(self.frame.wrong)

    def painted(self, train_ids: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB frame under the colours of (H, W) trainIds."""
        return paint_classes(self.image, train_ids, self.coding.palette)


def _predictions(
    arms: Sequence[ArmRuns], part: str, frame: FrameOfArms
) -> Iterator[tuple[Run, Path]]:
    """Run and file of the prediction of each arm: a one-channel PNG of trainIds."""
    for arm, identity in zip(arms, frame.runs, strict=True):
        run = arm.runs[identity]
        folder = run.work_dir / "predictions" / part
        path = folder / f"{frame_name(frame.recording, frame.image)}.png"
        flat = folder / f"{Path(frame.image).stem}.png"  # of earlier versions
        yield run, path if path.is_file() or not flat.is_file() else flat


def read_maps(
    arms: Sequence[ArmRuns], part: str, frames: Sequence[FrameOfArms]
) -> list[PaintedFrame]:
    """Read frames, labels and predictions.

    Args:
        arms: Arms whose predictions are read.
        part: ``'val'`` or ``'test'``.
        frames: The frames.

    Raises:
        OSError: A file is missing or damaged.
        ValueError: A frame is in the part no longer, or sizes differ.
    """
    labels: dict[Run, tuple[LabelCoding, Mapping[str, str]]] = {}
    maps = []
    for frame in frames:
        files = list(_predictions(arms, part, frame))
        run = files[0][0]
        if run not in labels:
            labels[run] = labels_of(run.record, part)
        coding, of_frames = labels[run]
        if frame.image not in of_frames:
            raise ValueError(f"{frame.image} is no longer in part {part}")
        label = of_frames[frame.image]
        truth = coding.to_train_ids(read_gray(label), label)
        predictions = {}
        for arm, (_, path) in zip(arms, files, strict=True):
            with open_image(path, "prediction") as file:
                predictions[arm] = np.asarray(file)
            if predictions[arm].shape != truth.shape:
                shape = predictions[arm].shape
                raise ValueError(f"{path} has shape {shape}, its label {truth.shape}")
        image = read_rgb(frame.image)
        maps.append(PaintedFrame(frame, image, truth, predictions, coding))
    return maps


def panels(arms: Sequence[ArmRuns], part: str) -> dict[str, Any]:
    """Paint typical frames, and those where the first two arms differ most.

    Args:
        arms: One arm or more.
        part: ``'val'`` or ``'test'``: the part whose predictions are shown.

    Returns:
        Either ``missing``, the reason without pictures, and ``command``, which writes
        the predictions; or ``typical`` and ``disagreements`` (rows), ``legend`` (names
        and CSS colours) and ``remark``, a note on the pictures. All others are None.
    """
    content: dict[str, Any] = dict.fromkeys(
        ("missing", "command", "typical", "disagreements", "legend", "remark")
    )
    frames = frames_of(arms)
    shown = typical_frames(frames, arms[0].arm.first.focus)
    typical = len(shown)
    differing = disagreements(frames) if len(arms) > 1 else []
    shown += [(_gain(arms, frame), frame) for frame in differing]
    if not shown:
        return content | {"missing": "All arms have the same errors in every frame."}
    chosen = [frame for _, frame in shown]
    for frame in chosen:
        for run, path in _predictions(arms, part, frame):
            if not path.is_file():
                missing = f"{run.name} kept no predictions."
                try:
                    command = command_for_predictions(run, part)
                except ValueError:  # its config names code that is not registered
                    command = None
                return content | {"missing": missing, "command": command}
    try:
        maps = read_maps(arms, part, chosen)
    except (OSError, ValueError) as error:
        missing = (
            f"The frames or their labels cannot be read: {error}. Paths in a record "
            f"are relative to the folder where the run was trained."
        )
        return content | {"missing": missing}
    rows = [_row(each, title) for each, (title, _) in zip(maps, shown, strict=True)]
    coding = maps[0].coding
    colors = dict(zip(coding.classes, coding.palette, strict=True)) | MARKS
    return content | {
        "typical": rows[:typical],
        "disagreements": rows[typical:],
        "legend": [(name, css(color)) for name, color in colors.items()],
        "remark": None if all(each.matches for each in maps) else OTHER_WEIGHTS,
    }


def _gain(arms: Sequence[ArmRuns], frame: FrameOfArms) -> str:
    better = arms[1] if frame.gain > 0 else arms[0]
    fewer = plural(abs(frame.gain), "fewer pixel")
    return f"{better.title} has {fewer} wrong"


def _row(maps: PaintedFrame, title: str) -> TileRow:
    frame, name = maps.frame, Path(maps.frame.image).name
    focus = next(iter(maps.predictions)).arm.first.focus
    truth, area = maps.painted(maps.truth), f"{frame.area:,} px {focus}"
    tiles = [
        tile_of(maps.image, "Frame", frame.place, f"Frame {name}"),
        tile_of(truth, "Truth", area, f"True classes of {name}"),
    ]
    for arm in maps.predictions:
        tiles += _prediction_tiles(maps, arm, name)
    fold = frame.runs[0].fold
    where = name if fold is None else f"fold {fold}, {name}"
    return TileRow(title, where, tiles, columns=1 + len(maps.predictions))


def _prediction_tiles(maps: PaintedFrame, arm: ArmRuns, name: str) -> list[Tile]:
    """The prediction of an arm, and its errors."""
    title, focus, prediction = arm.title, arm.arm.first.focus, maps.predictions[arm]
    train_id = list(maps.coding.classes).index(focus)
    masks = error_masks(maps.truth, prediction, train_id)
    hits, missed, false = (int(mask.sum()) for mask in masks)
    both = 2 * hits + missed + false
    dice = number(200 * hits / both if both else None, 1)
    errors = paint_masks(maps.image, zip(masks, MARKS.values(), strict=True))
    wrong = f"{missed:,} px missed, {false:,} px false"
    alt = f"Errors of {title} in {name}: {hits:,} px of {focus} hit, {wrong}"
    words = f"Prediction of {title} for {name}"
    return [
        tile_of(maps.painted(prediction), title, f"Dice {dice}", words),
        tile_of(errors, "Errors", wrong, alt),
    ]


def hero_pictures(arms: Sequence[ArmRuns], part: str) -> list[Picture]:
    """Frame with most of the focus class, its truth, and the prediction of each arm.

    Args:
        arms: One arm or more, with predictions.
        part: ``'val'`` or ``'test'``.

    Returns:
        Pictures for ``write_hero``.

    Raises:
        OSError: A file is missing or damaged.
        ValueError: See ``read_maps``.
    """
    scores = arms[0].arm.first
    _, frame = typical_frames(frames_of(arms), scores.focus)[0]
    (maps,) = read_maps(arms, part, [frame])
    classes = tuple(zip(maps.coding.palette, maps.coding.classes, strict=True))
    pictures: list[Picture] = [
        ("Frame", maps.image, [(None, Path(frame.image).name)]),
        ("Truth", maps.painted(maps.truth), classes),
    ]
    dice = parse_metric(f"Dice.{scores.focus}", scores.classes)
    for arm, identity, frame_dice in zip(arms, frame.runs, frame.dice, strict=True):
        confusion = arm.arm.runs[identity].confusion.sum(0)
        overall = number(float(dice.of(areas_of(confusion))), 1)
        line = f"{scores.focus} Dice {number(frame_dice, 1)} here, {overall} overall"
        picture = maps.painted(maps.predictions[arm])
        pictures.append((arm.title, picture, [(None, line)]))
    return pictures


def command_for_predictions(run: Run, part: str) -> str:
    """Command that writes the predictions of a run where this page reads them."""
    record = run.record
    weights = record.weights.last
    path = run.work_dir / (weights.path if weights else "weights_*_last.safetensors")
    options = {**record.options, **_as_test(record, part)}
    given = [shlex.quote(f"{key}={value}") for key, value in options.items()]
    parts = [
        "python tools/test.py",
        shlex.quote(record.config or "CONFIG"),
        shlex.quote(str(path)),
        f"--out {shlex.quote(str(run.work_dir / 'predictions' / part))}",
        f"--cfg-options {' '.join(given)}",
    ]
    return " \\\n  ".join(parts)


def _as_test(record: RunRecord, part: str) -> dict[str, Any]:
    """Options with which a test reads a part of a run, and can write predictions."""
    text = record.config_text or ""
    tested = read_value(text, "test_dataloader") or {}
    evaluator = read_value(text, f"{part}_evaluator")
    writes = evaluator is None or any(
        is_a(each, DiceMetric) for each in metrics_of(evaluator)
    )
    options = {} if writes else {"test_evaluator": [{"type": "DiceMetric"}]}
    if (not tested and not text) or is_a(tested.get("dataset"), TimeSplitDataset):
        return options | {"test_dataloader.dataset.split": part}
    if part == "test":
        return options
    validated = read_value(text, "val_dataloader")
    replaced = {"_delete_": True} if tested else {}
    return {
        "test_evaluator": evaluator,
        "test_cfg": {"type": "TestLoop"},
        "test_dataloader": {**validated, **replaced},
        **options,
    }
