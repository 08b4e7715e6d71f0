"""Logged quantities, over several starts of a training."""

from pathlib import Path

from mmseg_splashkd.report.logs import logged
from tests.report.fake_runs import write_lines


def train(*losses):
    return [{"loss": loss, "iter": step, "step": step} for step, loss in losses]


def test_training_and_validation_lines_are_separate(tmp_path):
    lines = [*train((10, 0.9), (20, 0.7)), {"mIoU": 55.5, "step": 20}]
    write_lines(tmp_path / "20261123_010000", lines)
    assert logged(tmp_path, "loss") == ([10, 20], [0.9, 0.7])
    assert logged(tmp_path, "mIoU") == ([20], [55.5])
    assert logged(tmp_path, "loss_distill") == ([], [])


def test_a_resumed_log_replaces_the_earlier_from_its_first_step(tmp_path):
    late = train((30, 0.3), (50, 0.2))
    write_lines(tmp_path / "20261123_020000", late)  # written first, sorts last
    early = train((10, 0.9), (20, 0.8), (30, 0.7), (40, 0.6), (60, 0.5))
    write_lines(tmp_path / "20261123_010000", early)
    assert logged(tmp_path, "loss") == ([10, 20, 30, 50], [0.9, 0.8, 0.3, 0.2])


def test_a_separate_validation_keeps_the_log(tmp_path):
    write_lines(tmp_path / "20261123_010000", train((10, 0.9)))
    write_lines(tmp_path / "20261123_020000", [{"mIoU": 50.0, "step": 0}])
    assert logged(tmp_path, "loss") == ([10], [0.9])


def test_an_incomplete_last_line_is_skipped(tmp_path):
    write_lines(tmp_path / "20261123_010000", train((10, 0.9)), rest='{"loss": 0.')
    assert logged(tmp_path, "loss") == ([10], [0.9])


def test_no_log_no_values():
    assert logged(Path("nowhere"), "loss") == ([], [])
