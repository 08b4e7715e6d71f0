"""Frames of a data set to inspect: copies, faulty labels, largest focus class."""

import numpy as np

from mmseg_splashkd.datasets.checks import Pair
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import (
    UNKNOWN,
    LabelCoding,
    read_gray,
    to_train_ids,
)
from mmseg_splashkd.report.dataset.result import DatasetReport
from mmseg_splashkd.report.formatting import moment
from mmseg_splashkd.report.pictures import (
    Tile,
    TileRow,
    paint_classes,
    read_rgb,
    tile_of,
)

SHOWN = 6  # rows per finding code
MOST = 3  # frames with the largest focus class
UNKNOWN_COLOR = (255, 0, 255)  # of gray values that the coding lacks
SHOW = {
    "unknown_value": "Unknown values",
    "size_mismatch": "Label of a different size",
    "turned_frame": "Rotated by its EXIF tag",
    "all_ignored": "All pixels ignored",
    "mostly_splash": "Mostly focus class",
    "constant_frame": "Constant colour",
}


def picture_rows(report: DatasetReport) -> list[TileRow]:
    """Choose frames and paint them, copies first.

    Args:
        report: Result of the check; a fast check gives no pictures.
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
    shares = {path: fact.share for path, fact in facts.items() if fact.share}
    for path in sorted(shares, key=lambda path: -shares[path])[:MOST]:
        title = f"Most {report.focus or 'of the focus class'}"
        detail = f"{shares[path]:.2%} of its pixels"
        rows.append(_frame_row(title, facts[path].frame, detail, report.coding))
    return rows


def _pair_row(pair: Pair) -> TileRow:
    kind = "Equal pixels" if pair.exact else f"{pair.distance} of 256 bits differ"
    title = f"{kind}: {' and '.join(dict.fromkeys(pair.parts))}"
    tiles = zip(pair[:2], pair.parts, strict=True)
    return TileRow(title, "", [_frame_tile(*each) for each in tiles])


def _frame_row(title: str, frame: Frame, detail: str, coding: LabelCoding) -> TileRow:
    tiles = [_frame_tile(frame, "Frame")]
    if frame.label:
        label = paint_label(_read(frame), frame, coding)
        tiles.append(tile_of(label, "Label", detail, f"Label of {frame.image}"))
    return TileRow(title, frame.image, tiles)


def _frame_tile(frame: Frame, title: str) -> Tile:
    when = moment(frame.recording, frame.timestamp)
    return tile_of(_read(frame), title, when, f"Frame {frame.image}")


def paint_label(image: np.ndarray, frame: Frame, coding: LabelCoding) -> np.ndarray:
    """Paint the label of a frame over it, also a faulty one.

    Args:
        image: (H, W, 3) uint8 RGB.
        frame: The frame, whose label is readable.
        coding: Label coding.

    Returns:
        (H, W, 3) uint8 RGB of the size of the label: unknown values are magenta. The
        background is black where label and frame differ in size.
    """
    gray = read_gray(frame.label)
    unknown = UNKNOWN if coding.unknown is None else coding.unknown
    try:
        train_ids = to_train_ids(gray, coding.gray_to_train_id, frame.label, unknown)
    except ValueError:  # of colours, or of 1 bit that may be two values
        return np.broadcast_to(np.array(UNKNOWN_COLOR, np.uint8), (*gray.shape[:2], 3))
    if train_ids.shape != image.shape[:2]:
        image = np.zeros((*train_ids.shape, 3), np.uint8)
    painted = paint_classes(image, train_ids, coding.palette)
    painted[train_ids == UNKNOWN] = UNKNOWN_COLOR
    return painted


def _read(frame: Frame) -> np.ndarray:
    """(H, W, 3) uint8 RGB; a small gray square for a damaged frame."""
    try:
        return read_rgb(frame.image)
    except (OSError, SyntaxError, ValueError):
        return np.full((64, 64, 3), 128, np.uint8)
