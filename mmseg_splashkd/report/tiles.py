"""One self-contained HTML page: figures, learning curves, pictures, commands."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from mmseg_splashkd.report.curves import curves, line_style
from mmseg_splashkd.report.frames import (
    choose_frames,
    read_image,
    read_maps,
    score_frame,
)
from mmseg_splashkd.report.pictures import (
    FALSE_ALARM,
    HIT,
    MISSED,
    paint_classes,
    paint_errors,
)
from mmseg_splashkd.report.runs import Run, check_comparable, class_index, number
from mmseg_splashkd.report.table import columns, conditions

TILE_WIDTH = 440  # pixels; enough for a sharp tile, small enough to mail the page

ENVIRONMENT = Environment(
    loader=PackageLoader("mmseg_splashkd", "report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_page(
    runs: Sequence[Run],
    out: str | Path,
    title: str,
    notes: str = "",
    focus_class: str | None = None,
) -> Path:
    """Write the report: table, learning curves, pictures, commands.

    Args:
        runs: Runs tested on the same frames, in the order they shall appear.
        out: The HTML file to write; it refers to nothing outside itself.
        title: Title of the page.
        notes: What a reader must know before believing the figures; each line
            becomes a paragraph under the table.
        focus_class: The class whose Dice and errors are shown, by default the last.

    Returns:
        ``out``.

    Raises:
        ValueError: The runs are not comparable or know no such class.
    """
    check_comparable(runs)
    focus = runs[0].classes[class_index(runs[0], focus_class)]
    cells = columns(focus)
    page = ENVIRONMENT.get_template("page.html.j2").render(
        title=title,
        notes=notes.splitlines(),
        runs=runs,
        focus=focus,
        headings=list(cells),
        rows=[[cell(run) for cell in cells.values()] for run in runs],
        styles=[line_style(index) for index in range(len(runs))],
        conditions=conditions(runs),
        charts=_charts(runs, focus),
        frames=[
            {"reasons": reasons, **_frame(runs, index, focus)}
            for index, reasons in choose_frames(runs, focus).items()
        ],
        legend=legend(runs[0].classes, runs[0].palette),
    )
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page, encoding="utf-8")
    return out


def _charts(runs: Sequence[Run], focus: str) -> list[tuple[str, Markup]]:
    """Caption and SVG of every learning curve that a run logged."""
    captions = {
        "loss": "Training loss, each run's own sum of terms",
        f"Dice.{focus}": f"Validation Dice of {focus} (%)",
        "mIoU": "Validation mIoU (%)",
    }
    charts = [(text, Markup(curves(runs, key))) for key, text in captions.items()]
    return [(text, svg) for text, svg in charts if svg]


def _frame(runs: Sequence[Run], index: int, focus: str) -> dict[str, Any]:
    """One frame as tiles: frame and truth, then each run's prediction and errors."""
    file, palette = runs[0].frames[index], runs[0].palette
    name, image = file.image.name, read_image(file)
    truth, _ = read_maps(runs[0], index)
    painted = paint_classes(image, truth, palette)
    tiles = [
        tile_of(image, "Frame", "", f"Frame {name}"),
        tile_of(painted, "Truth", "", f"True classes of {name}"),
    ]
    for run in runs:
        _, prediction = read_maps(run, index)
        tiles += prediction_tiles(
            run.title,
            name,
            (image, truth, prediction),
            run.palette,
            class_index(run, focus),
            focus,
        )
    return {"name": name, "tiles": tiles}


def prediction_tiles(
    title: str,
    name: str,
    maps: tuple[np.ndarray, np.ndarray, np.ndarray],
    palette: Sequence[tuple[int, int, int]],
    train_id: int,
    focus: str,
) -> list[dict[str, Any]]:
    """What was found in a frame, and its errors, as two tiles.

    Args:
        title: Who found it.
        name: Of the frame.
        maps: Frame (H, W, 3) uint8 RGB, truth and prediction (H, W) trainIds.
        palette: One (R, G, B) in [0, 255] per class.
        train_id: trainId of the class whose errors are shown.
        focus: Its name.
    """
    image, truth, prediction = maps
    score = score_frame(truth, prediction, train_id)
    missed, false_alarms = (
        f"{score.missed:,} px missed",
        f"{score.false_alarms:,} px false",
    )
    return [
        tile_of(
            paint_classes(image, prediction, palette),
            title,
            f"Dice {number(score.dice, 1)}",
            f"Classes that {title} found in {name}",
        ),
        tile_of(
            paint_errors(image, truth, prediction, train_id),
            "Errors",
            f"{missed}, {false_alarms}",
            f"Errors of {title} in {name}: of the pixels of {focus} "
            f"{score.hits:,} hit, {missed}, {false_alarms} alarms",
        ),
    ]


def tile_of(picture: np.ndarray, title: str, detail: str, alt: str) -> dict[str, Any]:
    """A picture, (H, W, 3) uint8 RGB, as the templates show it under a title."""
    image = Image.fromarray(picture)
    if image.width > TILE_WIDTH:
        height = round(TILE_WIDTH * image.height / image.width)
        image = image.resize((TILE_WIDTH, height))
    buffer = io.BytesIO()
    # Full colour resolution: the marked pixels are thin.
    image.save(buffer, "JPEG", quality=82, subsampling=0, optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    source = f"data:image/jpeg;base64,{data}"
    return {
        "src": source,
        "width": image.width,
        "height": image.height,
        "title": title,
        "detail": detail,
        "alt": alt,
    }


def legend(
    classes: Sequence[str], palette: Sequence[tuple[int, int, int]]
) -> list[tuple[str, str]]:
    """What the colours of the pictures mean, as CSS colours."""
    marks = [("hit", HIT), ("missed", MISSED), ("false alarm", FALSE_ALARM)]
    named = zip(classes, palette, strict=True)
    return [(name, "#{:02x}{:02x}{:02x}".format(*c)) for name, c in (*named, *marks)]
