"""The frames of a data set worth a look: copies, faulty labels, most splash."""

from typing import Any

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.checks import Pair
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import (
    UNKNOWN,
    LabelCoding,
    read_gray,
    to_train_ids,
)
from mmseg_splashkd.datasets.timestamps import utc
from mmseg_splashkd.report.dataset.result import DatasetReport
from mmseg_splashkd.report.page import tile_of
from mmseg_splashkd.report.pictures import paint_classes

SHOWN = 6  # of a kind
MOST = 3
STRANGE = (255, 0, 255)  # pixels of a value outside the table
SHOW = {
    "unknown_value": "Values outside the table",
    "size_mismatch": "Label of another size",
    "turned_frame": "Turned by its EXIF tag",
    "all_ignored": "Every pixel ignored",
    "mostly_splash": "Mostly of the focus class",
    "constant_frame": "One colour",
}

Row = dict[str, Any]  # title, name, tiles


def picture_rows(report: DatasetReport) -> list[Row]:
    """Choose frames and paint them, the worst first.

    Args:
        report: With ``files`` and ``duplicates``, or else nothing is shown.

    Returns:
        Rows of tiles: ``title``, ``name`` and ``tiles``.
    """
    if report.files is None or report.duplicates is None:
        return []
    rows = [_pair_row(pair) for pair in report.duplicates.pairs[:SHOWN]]
    facts = report.files.facts
    for code, title in SHOW.items():
        of_code = [f for f in report.findings if f.code == code][:SHOWN]
        rows += [
            _frame_row(title, facts[f.frames[0]].frame, f.message, report.coding)
            for f in of_code
        ]
    labelled = [fact for fact in facts.values() if fact.share]
    most = sorted(labelled, key=lambda fact: -(fact.share or 0))[:MOST]
    focus = report.coding.classes[-1]
    for fact in most:
        detail = f"{fact.share:.2%} of its pixels"
        rows.append(_frame_row(f"Most {focus}", fact.frame, detail, report.coding))
    return rows


def _pair_row(pair: Pair) -> Row:
    kind = "The same pixels" if pair.exact else f"{pair.distance} of 256 bits differ"
    title = f"{kind}: {' and '.join(dict.fromkeys(pair.parts))}"
    tiles = []
    for frame, part in zip(pair[:2], pair.parts, strict=True):
        image = _read(frame)
        tiles.append(tile_of(image, part, _when(frame), f"Frame {frame.image}"))
    return {"title": title, "name": "", "tiles": tiles}


def _frame_row(title: str, frame: Frame, detail: str, coding: LabelCoding) -> Row:
    image = _read(frame)
    tiles = [tile_of(image, "Frame", _when(frame), f"Frame {frame.image}")]
    if frame.label:
        label = paint_label(image, frame, coding)
        tiles.append(tile_of(label, "Label", detail, f"Label of {frame.image}"))
    return {"title": title, "name": frame.image, "tiles": tiles}


def paint_label(image: np.ndarray, frame: Frame, coding: LabelCoding) -> np.ndarray:
    """Paint a frame's label over it, whatever the label holds.

    Args:
        image: (H, W, 3) uint8 RGB.
        frame: With a label that can be read.
        coding: How it is coded.

    Returns:
        (H, W, 3) uint8 RGB of the label's size: values outside the table in magenta.
        Over black where the label has another size than the frame.
    """
    gray = read_gray(frame.label)
    if gray.ndim != 2:
        return np.broadcast_to(np.array(STRANGE, np.uint8), (*gray.shape[:2], 3))
    table = coding.gray_to_train_id
    unknown = UNKNOWN if coding.unknown is None else coding.unknown
    train_ids = to_train_ids(gray, table, frame.label, unknown)
    if train_ids.shape != image.shape[:2]:
        image = np.zeros((*train_ids.shape, 3), np.uint8)
    painted = paint_classes(image, train_ids, [(r, g, b) for r, g, b in coding.palette])
    painted[train_ids == UNKNOWN] = STRANGE
    return painted


def _read(frame: Frame) -> np.ndarray:
    """(H, W, 3) uint8 RGB; a small gray square where the frame is damaged."""
    try:
        with Image.open(frame.image) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError):
        return np.full((64, 64, 3), 128, np.uint8)


def _when(frame: Frame) -> str:
    moment = f"{utc(frame.timestamp):%Y-%m-%d %H:%M:%S} UTC"
    # A dot is the folder of frames itself.
    return moment if frame.recording == "." else f"{frame.recording}, {moment}"
