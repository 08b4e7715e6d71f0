"""Tiny runs on disk, as a test of a trained model leaves them."""

import json

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.report import load_run

METRICS = {"mIoU": 71.254, "aAcc": 98.9, "Dice.background": 99.5, "Dice.splash": 60.125}


def _save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, np.uint8)).save(path)
    return str(path)


@pytest.fixture
def write_run(tmp_path):
    """Write a record and its frames; keywords replace keys of the record."""

    def write(name="plain", truths=None, predictions=None, **changes):
        rng = np.random.default_rng(7)
        truths = (
            [rng.integers(0, 2, (6, 8)) for _ in range(3)] if truths is None else truths
        )
        predictions = truths if predictions is None else predictions
        frames = []
        for index, (truth, prediction) in enumerate(
            zip(truths, predictions, strict=True)
        ):
            truth, file = np.asarray(truth), f"{index}.png"
            image = rng.integers(0, 256, (*truth.shape, 3))
            label = np.where(truth == 1, 255, np.where(truth == 255, 7, 0))
            frames.append(
                {
                    "image": _save(tmp_path / "images" / file, image),
                    "label": _save(tmp_path / "labels" / file, label),
                    "prediction": _save(tmp_path / name / file, prediction),
                }
            )
        record = {
            "name": name,
            "title": f"SegFormer-B0, {name}",
            "config": f"configs/{name}.py",
            "checkpoint": f"work_dirs/{name}/iter_200.pth",
            "command": f"python tools/test.py configs/{name}.py",
            "metrics": METRICS,
            "parameters": 3715170,
            "gmacs": 0.554,
            "ms_per_frame": 12.34,
            "device": "CPU, 2 threads",
            "date": "2026-11-23",
            "seed": 0,
            "iterations": 200,
            "work_dir": str(tmp_path / name),
            "classes": ["background", "splash"],
            "palette": [[16, 42, 67], [255, 196, 0]],
            "gray_to_train_id": {"0": 0, "7": 255, "255": 1},
            "unknown_label": None,
            "frames": frames,
        }
        path = tmp_path / name / "record.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(record | changes))
        return path

    return write


@pytest.fixture
def make_run(write_run):
    """Write a run and load it."""
    return lambda *args, **changes: load_run(write_run(*args, **changes))


@pytest.fixture
def write_log(tmp_path):
    """Write one start's log of a run."""

    def write(name, timestamp, lines, end="\n"):
        path = tmp_path / name / timestamp / "vis_data" / "scalars.json"
        path.parent.mkdir(parents=True)
        path.write_text("\n".join(json.dumps(line) for line in lines) + end)

    return write
