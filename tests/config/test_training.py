"""Checks of a whole config, before anything is built."""

import pytest

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.training import check_training
from mmseg_splashkd.records.record import RunRecord
from mmseg_splashkd.records.run_file import write_record
from tests.conftest import DISTILLED, PLAIN, tiny_run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"load_from": "https://host.example/a.pth"},
            r"^load_from='https://.* is a UR",
        ),
        ({"load_from": "nowhere.pth"}, r"^load_from='nowhere\.pth' does not exist"),
        (
            {"default_hooks.checkpoint.by_epoch": True},
            r"^default_hooks\.checkpoint\.by_epoch=True counts epochs",
        ),
        (
            {"model.decode_head.out_channels": 1},
            r"^model\.decode_head\.out_channels=1 with the softmax of model\.deco",
        ),
    ],
    ids=["url", "file", "epochs", "softmax"],
)
def test_what_cannot_be_trained_is_refused(pond, options, message):
    cfg = read_config(PLAIN, tiny_run(pond, "model") | options)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        check_training(cfg)


def test_a_batch_of_one_frame_cannot_be_shuffled(pond):
    options = tiny_run(pond, "model.student", "model.teacher")
    options |= {"model.teacher_control": "shuffled", "train_dataloader.batch_size": 1}
    with pytest.raises(ValueError, match="a batch has 1: set train_dataloader"):
        check_training(read_config(DISTILLED, options))


@pytest.mark.parametrize(
    "control", [{"model.teacher": "labels"}, {"model.teacher_control": "untrained"}]
)
def test_a_control_needs_no_file_of_a_teacher(pond, control):
    options = tiny_run(pond, "model.student", "model.teacher") | control
    options |= {"model.teacher_checkpoint": None, "model.teacher_gate": None}
    check_training(read_config(DISTILLED, options))
    options["model.teacher_checkpoint"] = "nowhere.pth"
    with pytest.raises(ValueError, match=r"teacher_checkpoint='nowhere\.pth' has no e"):
        check_training(read_config(DISTILLED, options))


def test_error_about_a_missing_teacher_says_how_its_run_ended(pond, tmp_path):
    reason = "loss is not finite at iteration 2"
    record = RunRecord(id="a", name="farm", status="failed", reason=reason)
    write_record(tmp_path, record)
    options = tiny_run(pond, "model.student", "model.teacher")
    options["model.teacher_checkpoint"] = str(tmp_path / "weights_*_best.safetensors")
    message = rf"does not exist.* The run farm is in that folder.*: failed: {reason}$"
    with pytest.raises(FileNotFoundError, match=message):
        check_training(read_config(DISTILLED, options))


def test_one_logit_of_three_classes_is_not_advised_a_sigmoid(pond):
    cfg = read_config(PLAIN, tiny_run(pond, "model"))
    cfg.model.decode_head.update(num_classes=3, out_channels=1)
    message = (
        r"^model\.decode_head\.out_channels=1 with the softmax of .*: one logit per "
        r"pixel is for two classes, a softmax needs model\.decode_head\.out_channels=3$"
    )
    with pytest.raises(ValueError, match=message):
        check_training(cfg)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model = dict(", r"config .*broken\.py cannot be read: SyntaxError: "),
        (
            "_base_ = ['nowhere.py']",
            r"broken\.py: .*nowhere\.py.* a file of its _base_",
        ),
        ("model = dict()\ntrain_dataloader = [1]", r"^model=\{\} has no 'type'"),
        (
            "model = dict(type='A')\ntrain_dataloader = [1]",
            r"^train_dataloader=\[1\] must be a dict, such as",
        ),
    ],
    ids=["syntax", "base", "empty model", "list"],
)
def test_a_file_that_is_no_config_is_named(tmp_path, text, message):
    (tmp_path / "broken.py").write_text(text)
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        read_config(tmp_path / "broken.py")
