import json
import math
from pathlib import Path

import pytest

from mmseg_splashkd.report.runs import (
    check_comparable,
    class_index,
    curve,
    load_run,
    number,
)


def test_a_record_is_read_as_it_stands(write_run, tmp_path):
    run = load_run(write_run("distilled", metrics={"mIoU": math.nan}, extra="ignored"))
    assert run.title == "SegFormer-B0, distilled"
    assert number(run.metrics["mIoU"]) == "n/a"
    assert run.gray_to_train_id == {0: 0, 7: 255, 255: 1}
    assert run.palette == ((16, 42, 67), (255, 196, 0))
    assert run.work_dir == tmp_path / "distilled"
    assert [frame.label for frame in run.frames] == [
        tmp_path / "labels" / f"{index}.png" for index in range(3)
    ]


def test_a_missing_record_is_named():
    with pytest.raises(FileNotFoundError, match=r"no file nowhere/record\.json"):
        load_run("nowhere/record.json")


@pytest.mark.parametrize("text", ["", '{"name": "plain"', "[1, 2]"])
def test_a_broken_record_is_named(tmp_path, text):
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"record\.json.*(not JSON|a JSON object)"):
        load_run(path)


def test_missing_keys_are_named(write_run):
    path = write_run()
    record = json.loads(path.read_text())
    del record["seed"], record["gmacs"]
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"record\.json lacks gmacs, seed"):
        load_run(path)


def test_a_missing_key_of_a_frame_is_named(write_run):
    path = write_run(frames=[{"image": "x.png", "label": "y.png"}])
    with pytest.raises(ValueError, match=r"frames\[0\] lacks prediction"):
        load_run(path)


def test_the_last_class_is_the_focus(make_run):
    run = make_run()
    assert class_index(run) == 1
    assert class_index(run, "background") == 0
    with pytest.raises(ValueError, match=r"focus_class: plain has no class 'foam'"):
        class_index(run, "foam")


def test_only_runs_on_the_same_frames_and_classes_compare(make_run):
    run = make_run()
    check_comparable([run, make_run("distilled")])
    with pytest.raises(ValueError, match="expected runs with tested frames"):
        check_comparable([])
    with pytest.raises(ValueError, match="expected runs with tested frames"):
        check_comparable([make_run("empty", truths=[])])
    with pytest.raises(ValueError, match=r"short and plain .* frames \(1 and 3\)"):
        check_comparable([run, make_run("short", truths=[[[0, 1]]])])
    with pytest.raises(ValueError, match=r"foam and plain .* classes"):
        check_comparable([run, make_run("foam", classes=["background", "foam"])])


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (71.256, 2, "71.26"),
        (0.0, 1, "0.0"),
        (1234567, 0, "1,234,567"),
        (math.nan, 2, "n/a"),
        (None, 2, "n/a"),
    ],
)
def test_number(value, digits, text):
    assert number(value, digits) == text


def _train(*losses):
    return [{"loss": loss, "iter": step, "step": step} for step, loss in losses]


def test_training_and_validation_lines_are_told_apart(make_run, write_log):
    run = make_run()
    lines = [*_train((10, 0.9), (20, 0.7)), {"mIoU": 55.5, "step": 20}]
    write_log("plain", "20261123_010000", lines)
    assert curve(run, "loss") == ([10, 20], [0.9, 0.7])
    assert curve(run, "mIoU") == ([20], [55.5])
    assert curve(run, "loss_distill") == ([], [])


def test_a_resumed_log_replaces_the_earlier_from_its_first_step(make_run, write_log):
    run = make_run()
    late = [*_train((30, 0.3), (50, 0.2))]
    write_log("plain", "20261123_020000", late)  # written first, sorts last
    early = [*_train((10, 0.9), (20, 0.8), (30, 0.7), (40, 0.6), (60, 0.5))]
    write_log("plain", "20261123_010000", early)
    assert curve(run, "loss") == ([10, 20, 30, 50], [0.9, 0.8, 0.3, 0.2])


def test_a_validation_on_its_own_erases_no_curve(make_run, write_log):
    run = make_run()
    write_log("plain", "20261123_010000", _train((10, 0.9)))
    write_log("plain", "20261123_020000", [{"mIoU": 50.0, "step": 0}])
    assert curve(run, "loss") == ([10], [0.9])


def test_half_a_line_of_a_killed_training_is_left_out(make_run, write_log):
    run = make_run()
    write_log("plain", "20261123_010000", _train((10, 0.9)), end='\n{"loss": 0.')
    assert curve(run, "loss") == ([10], [0.9])


def test_no_log_no_curve(make_run):
    assert curve(make_run(work_dir=str(Path("nowhere"))), "loss") == ([], [])
