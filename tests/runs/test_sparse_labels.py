"""Labels with next to nothing in them: one pixel of the class, or no pixel at all."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.datasets.split_table import read_table, write_table
from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.runs.train import train
from tests.conftest import DISTILLED, tiny_run
from tests.datasets.checks.builders import clean_pond, parts_of

CODING = """classes: [background, splash]
palette: [[0, 0, 0], [255, 255, 255]]
ignore_colour: [9, 9, 9]
gray_to_train_id: {0: 0, 255: 1, 7: 255}
"""


def one_pixel(table: Path) -> None:
    """Every label shows one pixel of the class."""
    label = np.zeros((64, 80), np.uint8)
    label[33, 41] = 255
    for frame in read_table(table):
        Image.fromarray(label).save(frame.label)


def ignored(table: Path) -> None:
    """All training frames are ignored, but for the first that shows the class."""
    frames = parts_of(table)["train"]
    shows = next(f for f in frames if np.asarray(Image.open(f.label)).any())
    for frame in frames:
        if frame is not shows:
            Image.fromarray(np.full((64, 80), 7, np.uint8)).save(frame.label)


@pytest.mark.parametrize("draw", [one_pixel, ignored])
def test_a_student_is_distilled_from_sparse_labels(
    pond, distil_options, tmp_path, draw
):
    table = clean_pond(pond, tmp_path / "pond")
    write_table(table, [replace(f, splash_share=None) for f in read_table(table)])
    draw(table)
    coding = tmp_path / "coding.yaml"
    coding.write_text(CODING)
    options = tiny_run(table.parent, "model.student", "model.teacher")
    options |= {"split_table": table.name, "label_coding": str(coding)}
    options["model.teacher_checkpoint"] = distil_options["model.teacher_checkpoint"]
    options["data_check.allow"] = ["teacher-leak"]  # the frames are split otherwise
    run = train(DISTILLED, tmp_path / "run", cfg_options=options)
    record = read_record(run)
    assert record is not None
    assert record.status == "finished"
    (weights,) = run.glob("weights_*_last.safetensors")
    tensors = read_checkpoint(weights)["state_dict"].values()
    assert all(bool(torch.isfinite(each).all()) for each in tensors)
    scores = load_scores(run / "scores" / "val_last.npz")
    if draw is one_pixel:
        assert scores.confusion[:, 1].sum(1).tolist() == [1] * 6
    last = record.metrics.last
    assert last is not None
    assert math.isfinite(last["OperatingPoint.Dice"] or math.nan)
