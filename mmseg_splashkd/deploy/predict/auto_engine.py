"""``--engine auto``: the engine of what is there already, or the fastest good one."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.deploy.choice import AUTO, engine_for
from mmseg_splashkd.deploy.deployed_file import is_deployed
from mmseg_splashkd.deploy.predict.asked import engine_asked
from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.predict.sources import Pictures, read_picture
from mmseg_splashkd.files import file_sha256

MEASURED = 8  # frames on which engines are compared


def chosen_engine(
    folder: Path | None, model: str, frames: Iterable[np.ndarray], threads: int | None
) -> str:
    """The engine of the predictions that are there, or else the fastest good one.

    Args:
        folder: Folder of the predictions; None: they are not kept.
        model: File of the model.
        frames: Frames (H, W, 3) uint8 RGB; at most ``MEASURED`` are taken.
        threads: Number of threads, from 1; None: one for each core.

    Raises:
        ImportError: No engine is installed.
        ValueError: The model is no exported file, there is no frame, or no engine is
            good.
    """
    if not is_deployed(model):
        raise ValueError(
            f"--engine {AUTO} chooses for exported files, and {model} are weights: "
            f"export them with tools/export.py"
        )
    before = None if folder is None else engine_asked(folder, _hash(model))
    if before is not None:
        print(f"Engine {before}, as of the predictions in {folder}")
        return before
    samples = [frame[None] for frame in islice(frames, MEASURED)]
    if not samples:
        raise ValueError(
            f"--engine {AUTO} measures some of the pictures, and none of those can be "
            f"read: name an engine"
        )
    return engine_for(model, samples, threads)


def some_of(pictures: Pictures) -> Iterator[np.ndarray]:
    """Some of the pictures, as far as they are readable: at most ``MEASURED``.

    Args:
        pictures: The pictures.

    Yields:
        Frames (H, W, 3) uint8 RGB.
    """
    count = len(pictures.found)
    for place in dict.fromkeys(n * count // MEASURED for n in range(MEASURED)):
        with suppress(ValueError):  # told of when it is predicted
            yield read_picture(pictures.found[place].path)


def model_asked(model: SplashModel, path: str) -> dict[str, str]:
    """What distinguishes a model in an engine, for ``claim_folder``.

    Args:
        model: The model.
        path: Its file.
    """
    return {
        "model": _hash(path),
        "config": model.engine.meta.config_sha256,
        "engine": model.engine.name,
    }


def _hash(path: str) -> str:
    return file_sha256(find_checkpoint(path, "model"))
