from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_splashkd.evaluation.areas import frame_confusion
from mmseg_splashkd.evaluation.frame_scores import load_scores, probability_histogram
from mmseg_splashkd.label_errors import held_out
from mmseg_splashkd.label_errors.held_out import open_runs, predictions
from mmseg_splashkd.records.store import read_record, write_record
from mmseg_splashkd.records.train_frames import TRAIN_FRAMES, write_train_frames
from tests.conftest import PLAIN


def trained_on(run: Path) -> list[str]:
    return (run / TRAIN_FRAMES).read_text().splitlines()


def change(run: Path, **keys) -> None:
    record = read_record(run)
    assert record is not None
    write_record(run, replace(record, **keys))


def test_a_run_predicts_as_it_did_in_its_own_validation(fold_run):
    (run,), _ = open_runs([fold_run])
    validated = load_scores(fold_run / "scores" / "val_last.npz")
    assert validated.histogram is not None
    found = list(predictions(run, progress=False))
    assert [each.frame.image for each in found] == list(validated.frames)
    assert len(found) == 7
    for each, confusion, histogram in zip(
        found, validated.confusion, validated.histogram, strict=True
    ):
        likely, label = map(torch.from_numpy, (each.probability, each.label))
        assert np.array_equal(frame_confusion(likely.argmax(0), label, 2), confusion)
        counted = probability_histogram(likely[1], label, 1, 2)
        assert np.array_equal(counted, histogram)
        assert each.probability.shape == (2, 64, 80)


def test_every_fold_has_frames_of_its_own(arm):
    runs, unjudged = open_runs(arm)
    assert unjudged == []
    names = [frame.name for run in runs for frame in run.frames]
    assert len(names) == len(set(names)) == 21
    for run in runs:
        assert not run.trained & {frame.name for frame in run.frames}


def test_frames_that_no_run_held_out_are_named(arm):
    _, unjudged = open_runs(arm[:2])
    assert unjudged == sorted(set(trained_on(arm[0])) - set(trained_on(arm[2])))
    assert len(unjudged) == 7


def test_a_run_that_was_trained_on_the_frames_is_refused(arm):
    write_train_frames(arm[1], [*trained_on(arm[1]), trained_on(arm[0])[3]])
    with pytest.raises(ValueError, match=r"fold1 was trained on 1 of its 7 validation"):
        open_runs(arm)


def test_frames_that_two_runs_would_judge_are_refused(arm):
    with pytest.raises(ValueError, match="7 frames are held out by more than one"):
        open_runs([arm[0], arm[1], arm[0]])


def test_a_run_must_list_its_training_frames(arm):
    (arm[0] / TRAIN_FRAMES).unlink()
    with pytest.raises(ValueError, match=r"has no list of its training frames"):
        open_runs(arm[:1])


def test_a_run_that_failed_is_refused(arm):
    change(arm[0], status="failed", iteration=3, reason="lost")
    with pytest.raises(
        ValueError, match="failed at iteration 3: lost: give a finished"
    ):
        open_runs(arm[:1])


def test_folders_without_a_run_are_refused(arm, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"run .*nowhere does not exist"):
        open_runs([tmp_path / "nowhere"])
    (arm[0] / "run.json").unlink()
    with pytest.raises(ValueError, match=r"holds no run: there is no run\.json"):
        open_runs(arm[:1])
    (last,) = arm[1].glob("weights_*_last.safetensors")
    last.unlink()
    with pytest.raises(FileNotFoundError, match=r"weights_\*_last\.safetensors"):
        open_runs(arm[1:2])
    with pytest.raises(ValueError, match="weights='first' is not one of"):
        open_runs(arm[:1], weights="first")


def test_best_weights_are_used_on_request(arm):
    (run,), _ = open_runs(arm[:1], weights="best")
    assert run.weights.name.endswith("_best.safetensors")


def test_a_recorded_config_is_read_and_not_run(arm, tmp_path):
    marker = tmp_path / "ran"
    config = f"model = __import__('pathlib').Path({str(marker)!r}).touch()"
    change(arm[0], config_text=config)
    with pytest.raises(ValueError, match=r"holds more than values.*--config"):
        open_runs(arm[:1])
    assert not marker.exists()


def test_a_config_file_takes_the_options_of_the_run(arm):
    change(arm[1], config_text="x = object()")
    (run,), _ = open_runs(arm[1:2], config=PLAIN)
    assert run.cfg.val_dataloader.dataset.fold == 1
    assert run.cfg.model.backbone.embed_dims == 8
    assert len(run.frames) == 7


def test_options_override_the_recorded_config(arm):
    options = {"val_dataloader.batch_size": 3}
    (run,), _ = open_runs(arm[:1], cfg_options=options)
    assert run.cfg.val_dataloader.batch_size == 3
    assert len(list(predictions(run, progress=False))) == 7


def test_one_output_channel_is_the_probability_of_class_1(fold_run):
    (run,), _ = open_runs([fold_run])
    sigmoid = torch.tensor([[[0.25, 1.0]]])
    sample = SegDataSample()
    sample.seg_logits = PixelData(data=sigmoid)
    sample.gt_sem_seg = PixelData(data=torch.tensor([[[0, 1]]]))
    frame: Any = run.frames[0]
    found = held_out._prediction(frame, sample)
    assert np.array_equal(found.probability, [[[0.75, 0.0]], [[0.25, 1.0]]])
