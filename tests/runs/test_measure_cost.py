import shutil
from dataclasses import replace

import pytest

from mmseg_splashkd.records.store import read_record, write_record
from mmseg_splashkd.runs.measure_cost import record_cost
from tests.records.builders import leave_run


def test_cost_of_the_student_is_added_to_the_record(distilled, tmp_path):
    work_dir = shutil.copytree(distilled, tmp_path / "run")
    before = read_record(work_dir)
    cost = record_cost(work_dir)
    after = read_record(work_dir)
    assert after is not None
    assert before is not None
    assert (before.cost, after.cost) == (None, cost)
    assert after.validations == before.validations
    from safetensors.torch import load_file

    (weights,) = work_dir.glob("weights_*_best.safetensors")
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    state = load_file(weights)
    tensors = [v for key, v in state.items() if not key.endswith(buffers)]
    assert cost.parameters == sum(tensor.numel() for tensor in tensors)
    assert cost.gmacs > 0
    assert cost.ms_per_frame > 0
    assert cost.device.startswith("CPU")


def test_a_run_without_a_test_part_is_measured_on_a_frame_of_its_validation(
    photo_run, tmp_path
):
    work_dir = shutil.copytree(photo_run, tmp_path / "run")
    record = read_record(work_dir)
    assert record is not None
    measured = record_cost(work_dir)
    text = record.config_text or ""
    lines = "test_dataloader = None\ntest_evaluator = None\ntest_cfg = None\n"
    write_record(work_dir, replace(record, config_text=text + lines))
    untested = record_cost(work_dir)
    assert replace(untested, ms_per_frame=measured.ms_per_frame) == measured


def test_folder_without_record_or_weights_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no recorded run with weights"):
        record_cost(tmp_path)
    work_dir = leave_run(tmp_path, hostname="elsewhere")
    with pytest.raises(FileNotFoundError, match="holds no recorded run with weights"):
        record_cost(work_dir)
