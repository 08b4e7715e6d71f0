import shutil
from dataclasses import replace

import pytest

from mmseg_splashkd.evaluation.interleaved import spread
from mmseg_splashkd.records.costs import measured_in_turn
from mmseg_splashkd.records.store import read_record, write_record
from mmseg_splashkd.runs import measure_cost
from mmseg_splashkd.runs.measure_cost import record_costs
from tests.records.builders import leave_run


def test_costs_of_a_teacher_and_a_student_are_added_to_their_records(
    distilled, teacher, tmp_path, monkeypatch
):
    folders = [
        shutil.copytree(run, tmp_path / run.name) for run in (distilled, teacher)
    ]
    seconds = {str(folders[0]): [0.5, 0.25, 0.5], str(folders[1]): [0.5, 0.5, 1.5]}

    def in_turn(passes, rounds):
        for run in passes.values():
            run()
        assert rounds == 3
        return {name: seconds[name] for name in passes}

    monkeypatch.setattr(measure_cost, "time_in_turn", in_turn)
    before = [read_record(folder) for folder in folders]
    costs = record_costs(folders, rounds=3)
    for folder, old in zip(folders, before, strict=True):
        new = read_record(folder)
        assert old is not None
        assert new == replace(old, cost=costs[folder])
    student, larger = costs.values()
    assert measured_in_turn([student, larger])
    assert (student.ms_per_frame, larger.ms_per_frame) == (500.0, 500.0)
    assert student.timing is not None
    assert larger.timing is not None
    assert (student.timing.ratio, larger.timing.ratio) == (1.0, 2.0)
    assert larger.timing.ratio_quartiles == spread([1.0, 2.0, 3.0])[1:]
    assert larger.timing.ms_quartiles == (500.0, 1000.0)
    assert before[0] is not None
    assert larger.timing.reference == before[0].name
    assert student.device.startswith("CPU")
    from safetensors.torch import load_file

    (weights,) = folders[0].glob("weights_*_best.safetensors")
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    state = load_file(weights)
    tensors = [v for key, v in state.items() if not key.endswith(buffers)]
    assert student.parameters == sum(tensor.numel() for tensor in tensors)
    assert larger.gmacs > 0


def test_times_compare_within_one_measurement_only(photo_run, tmp_path):
    folder = shutil.copytree(photo_run, tmp_path / "run")
    first, second = (record_costs([folder], 1)[folder] for _ in range(2))
    assert measured_in_turn([first])
    assert not measured_in_turn([first, second])
    assert not measured_in_turn([first, replace(first, timing=None)])
    assert not measured_in_turn([replace(first, timing=None)])
    assert not measured_in_turn([first, None])


def test_a_run_without_a_test_part_is_measured_on_a_frame_of_its_validation(
    photo_run, tmp_path
):
    work_dir = shutil.copytree(photo_run, tmp_path / "run")
    record = read_record(work_dir)
    assert record is not None
    (measured,) = record_costs([work_dir], 1).values()
    text = record.config_text or ""
    lines = "test_dataloader = None\ntest_evaluator = None\ntest_cfg = None\n"
    write_record(work_dir, replace(record, config_text=text + lines))
    (untested,) = record_costs([work_dir], 1).values()
    assert (untested.parameters, untested.gmacs) == (
        measured.parameters,
        measured.gmacs,
    )


def test_folder_without_record_or_weights_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no recorded run with weights"):
        record_costs([tmp_path])
    work_dir = leave_run(tmp_path, hostname="elsewhere")
    with pytest.raises(FileNotFoundError, match="holds no recorded run with weights"):
        record_costs([work_dir])
