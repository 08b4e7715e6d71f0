"""Held-out predictions of photos, whose data set is of MMSegmentation itself."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.timestamps import NO_TIME
from mmseg_splashkd.label_errors import find_label_errors, open_runs, write_findings
from mmseg_splashkd.label_errors.held_out import predictions
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.records.train_frames import write_train_frames
from tests.photos import part


def test_photos_are_judged_by_the_run_that_held_them_out(photo_run, tmp_path):
    runs, unjudged = open_runs([photo_run])
    assert len(unjudged) == 8
    found = find_label_errors(runs, unjudged, progress=False)
    assert found.coding.classes == ("ground", "stone", "leaf")
    assert {finding.frame.timestamp for finding in found.findings} == {NO_TIME}
    assert len(found.findings) == 4
    lines = write_findings(found, tmp_path / "found.csv").read_text().splitlines()
    assert len(lines) > len(found.suspicious) > 0


def test_predictions_belong_to_their_frames_in_any_order(photo_run):
    options = {"val_dataloader.sampler.shuffle": True}
    ((run,), _) = open_runs([photo_run], cfg_options=options)
    for each in predictions(run, progress=False):
        with Image.open(each.frame.label) as label:
            assert np.array_equal(np.asarray(label), each.label)


def test_a_run_that_was_trained_on_a_photo_is_refused(photo_run, tmp_path):
    copy = tmp_path / "run"
    copy.mkdir()
    for file in photo_run.iterdir():
        if file.is_file():
            (copy / file.name).symlink_to(file)
    (run,), _ = open_runs([copy])
    (copy / "train_frames.txt").unlink()
    write_train_frames(copy, [*run.trained, run.frames[1].name])
    with pytest.raises(ValueError, match=r"trained on 1 of its 4 .* such as .*leaf_11"):
        open_runs([copy])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"data_prefix": {"img_path": "img_dir/val"}},
            r"4 of 4 validation frames have no label, such as .*leaf_10\.jpg: leave",
        ),
        ({"type": "NoSuchDataset"}, "validation data set does not list its frames"),
    ],
)
def test_what_cannot_be_judged_is_named(photo_run, photos, change, message):
    dataset = part(photos, "val", **change)
    options = {"val_dataloader.dataset": {**dataset, "_delete_": True}}
    with pytest.raises(ValueError, match=message):
        open_runs([photo_run], cfg_options=options)


def test_several_data_sets_are_judged_together(photo_run, photos):
    record = read_record(photo_run)
    assert record is not None
    ((before,), _) = open_runs([photo_run])
    config = before.cfg.val_dataloader.dataset.to_dict()
    inner = [config | {"indices": 2}, config | {"indices": -2}]
    both = {"type": "ConcatDataset", "datasets": inner, "_delete_": True}
    ((run,), _) = open_runs([photo_run], cfg_options={"val_dataloader.dataset": both})
    assert run.frames == before.frames
    assert len(list(predictions(run, progress=False))) == 4
    assert replace(run, cfg=before.cfg).coding == before.coding
