"""The frames on which two arms differ most, and pictures of them."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.label_coding import IGNORE, LabelCoding, read_gray
from mmseg_splashkd.datasets.timestamps import utc
from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.report.experiments.arms import ArmRuns
from mmseg_splashkd.report.experiments.found import RunRecord
from mmseg_splashkd.report.experiments.labels import labels_of, prediction_path
from mmseg_splashkd.report.page import legend, prediction_tiles, tile_of
from mmseg_splashkd.report.pictures import paint_classes
from mmseg_splashkd.statistics import FoldSeed
from mmseg_splashkd.statistics.arms import common_runs, frame_keys

EACH_WAY = 3  # frames on which one arm is better, and as many where the other is
NOT_COUNTED = (
    "The pictures are not what the figures count: they are of other weights, or of "
    "another threshold."
)
APART = 3  # frames: neighbours show the same splash


@dataclass(frozen=True)
class Disagreement:
    """A frame on which two arms differ.

    Args:
        cells: Fold and seed of the two runs that are looked at.
        image: Path of the frame.
        recording: Of the frame.
        timestamp: In nanoseconds, or -1.
        wrong: Pixels that each arm has wrong.
    """

    cells: tuple[FoldSeed, FoldSeed]
    image: str
    recording: str
    timestamp: int
    wrong: tuple[int, int]

    @property
    def gain(self) -> int:
        """By how many wrong pixels the second arm has fewer."""
        return self.wrong[0] - self.wrong[1]

    @property
    def moment(self) -> str:
        """When it was taken, for people."""
        where = "" if self.recording == "." else f"{self.recording}, "
        if self.timestamp < 0:
            return f"{where}{Path(self.image).name}"
        return f"{where}{utc(self.timestamp):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True)
class Panels:
    """Pictures of such frames, or why there are none.

    Args:
        rows: ``title``, ``name`` and ``tiles`` of each frame.
        legend: What the colours mean.
        remark: What to know of them.
        missing: Why there are no pictures.
        command: What would make them.
    """

    rows: Sequence[dict[str, Any]] = ()
    legend: Sequence[tuple[str, str]] = ()
    remark: str | None = None
    missing: str | None = None
    command: str | None = None


def disagreements(first: ArmRuns, second: ArmRuns) -> list[Disagreement]:
    """Choose frames by the difference in wrong pixels, of runs with the lowest seed.

    Returns:
        Up to three where the second arm is better, the largest gain first; then up to
        three where the first is.
    """
    cells = common_runs([first.arm, second.arm])
    seed = cells[0].seed
    single = len(first.arm.runs) == len(second.arm.runs) == 1
    found: list[Disagreement] = []
    for cell in cells:
        if cell.seed != seed:
            continue
        pair = tuple(
            next(iter(arm.arm.runs)) if single else cell for arm in (first, second)
        )
        runs = [a.arm.runs[c] for a, c in zip((first, second), pair, strict=True)]
        found += _of_pair((pair[0], pair[1]), *runs)
    found.sort(key=lambda each: (each.recording, each.timestamp, each.image))
    best = _apart(found, [-each.gain for each in found])
    worst = _apart(found, [each.gain for each in found])
    return [*best, *worst]


def _of_pair(
    cells: tuple[FoldSeed, FoldSeed], first: FrameScores, second: FrameScores
) -> list[Disagreement]:
    mine, theirs = _wrong(first), _wrong(second)
    return [
        Disagreement(
            cells,
            first.frames[index],
            first.recordings[index],
            int(first.timestamps[index]),
            (mine[key], theirs[key]),
        )
        for index, key in enumerate(mine)
    ]


def _wrong(scores: FrameScores) -> dict[tuple, int]:
    """Frame -> pixels taken for another class than their own."""
    counts = scores.confusion
    wrong = counts.sum((1, 2)) - np.trace(counts, axis1=1, axis2=2)
    return dict(zip(frame_keys(scores), wrong.tolist(), strict=True))


def _apart(found: Sequence[Disagreement], order: Sequence[int]) -> list[Disagreement]:
    """The first few by an order whose values are below 0, none next to another."""
    chosen: list[int] = []
    for index in sorted(range(len(found)), key=lambda index: order[index]):
        if order[index] >= 0 or len(chosen) == EACH_WAY:
            break
        if all(abs(index - other) >= APART for other in chosen):
            chosen.append(index)
    return [found[index] for index in chosen]


def panels(
    first: ArmRuns, second: ArmRuns, found: Sequence[Disagreement], part: str
) -> Panels:
    """Paint frames: the frame and its truth, then what each arm found, and its errors.

    Args:
        first: An arm.
        second: Another.
        found: Frames.
        part: ``'val'`` or ``'test'``: whose predictions are looked for.
    """
    runs = {arm.name: arm.records for arm in (first, second)}
    for each in found:
        for arm, cell in zip((first, second), each.cells, strict=True):
            run = runs[arm.name][cell]
            if not prediction_path(run.work_dir, part, each.image).is_file():
                return Panels(
                    missing=f"{run.name} kept no label maps of what it found.",
                    command=command_for_predictions(run, part),
                )
    rows, agree = [], True
    try:
        for each in found:
            coding, labels = labels_of(first.records[each.cells[0]].record, part)
            row, wrong = _row(first, second, each, coding, labels, part)
            rows.append(row)
            agree = agree and wrong == each.wrong
    except (OSError, ValueError) as error:
        return Panels(
            missing=f"The frames or their labels cannot be read: {error}. Paths in "
            f"records are as seen from the folder where the runs were trained."
        )
    if not rows:
        return Panels(missing="The two have the same errors in every frame.")
    palette = [(r, g, b) for r, g, b in coding.palette]
    remark = None if agree else NOT_COUNTED
    return Panels(rows, legend(coding.classes, palette), remark)


def _row(
    first: ArmRuns,
    second: ArmRuns,
    each: Disagreement,
    coding: LabelCoding,
    labels: Mapping[str, str],
    part: str,
) -> tuple[dict[str, Any], tuple[int, ...]]:
    """The pictures of a frame, and the pixels that each arm has wrong in them."""
    with Image.open(each.image) as file:
        image = np.asarray(file.convert("RGB"))
    if each.image not in labels:
        raise ValueError(f"{each.image} is no longer in part {part}")
    truth = coding.to_train_ids(read_gray(labels[each.image]), labels[each.image])
    focus = first.arm.first.focus
    palette = [(r, g, b) for r, g, b in coding.palette]
    train_id = list(coding.classes).index(focus)
    name = Path(each.image).name
    tiles = [
        tile_of(image, "Frame", each.moment, f"Frame {name}"),
        tile_of(
            paint_classes(image, truth, palette),
            "Truth",
            f"{int((truth == train_id).sum()):,} px {focus}",
            f"True classes of {name}",
        ),
    ]
    wrong = []
    for arm, cell in zip((first, second), each.cells, strict=True):
        path = prediction_path(arm.records[cell].work_dir, part, each.image)
        with Image.open(path) as file:
            prediction = np.asarray(file)
        if prediction.shape != truth.shape:
            raise ValueError(f"{path} is not of its label's size")
        wrong.append(int(((prediction != truth) & (truth != IGNORE)).sum()))
        maps = (image, truth, prediction)
        tiles += prediction_tiles(arm.title, name, maps, palette, train_id, focus)
    better = second if each.gain > 0 else first
    fold = each.cells[0].fold
    where = "" if fold is None else f"fold {fold}, "
    pixels = "pixel" if abs(each.gain) == 1 else "pixels"
    title = f"{better.title} has {abs(each.gain):,} fewer {pixels} wrong"
    return {"title": title, "name": f"{where}{name}", "tiles": tiles}, tuple(wrong)


def command_for_predictions(run: RunRecord, part: str) -> str:
    """A command that leaves label maps where this page looks for them."""
    record = run.record
    weights = ((record.get("weights") or {}).get("last") or {}).get("path") or (
        "weights_*_last.safetensors"
    )
    options = dict(record.get("options") or {})
    options["test_dataloader.dataset.split"] = part
    given = [shlex.quote(f"{key}={value}") for key, value in options.items()]
    parts = [
        "python tools/test.py",
        str(record.get("config") or "CONFIG"),
        shlex.quote(str(run.work_dir / weights)),
        f"--out {shlex.quote(str(run.work_dir / 'predictions' / part))}",
        f"--cfg-options {' '.join(given)}",
    ]
    return " \\\n  ".join(parts)
