"""Predictions from the command line: what is written, and what came of it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmseg_splashkd.datasets.listing import describe_passed_over
from mmseg_splashkd.datasets.mask_coding import code_mask
from mmseg_splashkd.deploy.choice import AUTO
from mmseg_splashkd.deploy.predict.apart import check_apart
from mmseg_splashkd.deploy.predict.asked import claim_folder
from mmseg_splashkd.deploy.predict.auto_engine import (
    chosen_engine,
    model_asked,
    some_of,
)
from mmseg_splashkd.deploy.predict.folder import Outcome, predict_pictures
from mmseg_splashkd.deploy.predict.label_studio import LOCAL
from mmseg_splashkd.deploy.predict.layout import MASKS, OVERLAYS
from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.predict.products import Products
from mmseg_splashkd.deploy.predict.sources import Pictures, find_pictures
from mmseg_splashkd.deploy.predict.stored import Stored
from mmseg_splashkd.files import check_writable

INCOMPLETE, NOTHING = 1, 2  # exit status: some pictures could not be read, or none


def predict_and_tell(
    model: str,
    sources: Sequence[str],
    out: str | Path,
    config: str | None = None,
    engine: str | None = None,
    threads: int | None = None,
    coding: str = "train_ids",
    overlays: bool = False,
    table: str | None = None,
    label_studio: str | None = None,
    cvat: str | None = None,
    picture_url: str | None = None,
) -> int:
    """Predict pictures into a folder, and print what came of it.

    Args:
        model: File of the model; with ``config``, ``engine`` and ``threads`` see
            ``SplashModel.load``.
        sources: Pictures and folders.
        out: Folder of masks; another one than those of the pictures.
        config: Config of weights.
        engine: Engine by name; ``'auto'``: the fastest on this machine that predicts
            the same, see ``engine_for``.
        threads: Number of threads.
        coding: Pixel values of the masks, one of ``MASK_CODINGS``.
        overlays: Whether to write overlays.
        table: ``.csv`` or ``.parquet`` file with a row for each picture.
        label_studio: ``.json`` file of tasks for Label Studio.
        cvat: ``.xml`` file of annotations for CVAT.
        picture_url: What precedes the path of a picture in a task of Label Studio; by
            default that of its local files.

    Returns:
        Exit status: 0, 1 if some pictures could not be read, 2 if none could.

    Raises:
        FileExistsError: ``out`` holds files of something else.
        FileNotFoundError: A file is missing.
        ImportError: An engine, or a package for Parquet, is not installed.
        UnwritableError: Drive, quota or rights do not allow it.
        ValueError: An argument is invalid, or ``out`` holds predictions of another
            model, coding or folder.
    """
    products = Products.of(table, label_studio, cvat, picture_url or LOCAL)
    pictures = find_pictures(sources)
    folder = Path(out)
    files = [each.path for each in pictures.found]
    check_apart(folder, pictures.folders, files, "masks")
    if engine == AUTO:
        engine = chosen_engine(folder, model, some_of(pictures), threads)
    opened = SplashModel.load(model, config, engine, threads)
    _check_coding(opened, coding)
    check_writable(folder, "--out")
    claim_folder(folder, _asked(opened, model, pictures, coding))
    stored = Stored(folder, overlays)
    outcome = predict_pictures(opened, pictures, stored, coding)
    written = products.write(opened, outcome, stored, coding, _name(opened, model))
    print(*_told(opened, pictures, outcome, stored, coding), *written, sep="\n")
    if not outcome.rows:
        return NOTHING
    return INCOMPLETE if outcome.unreadable else 0


def _check_coding(model: SplashModel, coding: str) -> None:
    """Find a class without a gray value before anything takes time.

    Raises:
        ValueError: A class has none.
    """
    all_classes = np.arange(len(model.classes), dtype=np.uint8)[None]
    code_mask(all_classes, coding, model.coding)


def _asked(
    model: SplashModel, path: str, pictures: Pictures, coding: str
) -> dict[str, str]:
    return {
        **model_asked(model, path),
        "coding": coding,
        "folder of pictures": str(pictures.root.resolve()),
    }


def _name(model: SplashModel, path: str) -> str:
    return model.engine.meta.run or Path(path).stem


def _told(
    model: SplashModel,
    pictures: Pictures,
    outcome: Outcome,
    stored: Stored,
    coding: str,
) -> list[str]:
    there, bad = len(outcome.rows) - outcome.predicted, len(outcome.unreadable)
    counts = [f"{outcome.predicted} predicted"]
    counts += [f"{there} there already"] if there else []
    counts += [f"{bad} could not be read"] if bad else []
    lines = [f"{len(pictures.found)} pictures: {', '.join(counts)}"]
    if pictures.passed_over:
        others = describe_passed_over(pictures.passed_over)
        lines.append(f"No pictures, and passed over: {others}")
    lines += [_share(name, outcome) for name in model.classes if outcome.rows]
    lines.append(f"Masks ({coding}): {stored.folder / MASKS}")
    return lines + (
        [f"Overlays: {stored.folder / OVERLAYS}"] if stored.overlays else []
    )


def _share(name: str, outcome: Outcome) -> str:
    shares = [row[f"share_{name}"] for row in outcome.rows.values()]
    held = sum(share > 0 for share in shares)
    return f"  {name}: {np.mean(shares):.2%} of a picture, in {held} of {len(shares)}"
