import json
import shutil
from dataclasses import replace

import pytest
import torch
from PIL import Image

from mmseg_splashkd.datasets.split_table import read_table, write_table
from mmseg_splashkd.records.record import (
    BestAndLast,
    Change,
    Hardware,
    Teacher,
    Weights,
)
from mmseg_splashkd.records.store import find_runs, read_record, write_record
from mmseg_splashkd.runs import rerun as module
from mmseg_splashkd.runs.rerun import Rerun, find_recorded, print_rerun, rerun
from mmseg_splashkd.runs.train import train
from tests.conftest import PLAIN, tiny_run
from tests.records.builders import GOLDEN, leave_run, record


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def warned(monkeypatch):
    lines = []
    monkeypatch.setattr(module, "print_log", lambda text, **_: lines.append(text))
    return lines


@pytest.fixture
def run_dir(distilled, tmp_path):
    """A folder with the record of a tiny distillation, and nothing else of it."""
    folder = tmp_path / "distilled"
    folder.mkdir()
    shutil.copy(distilled / "run.json", folder)
    return folder


def change(folder, **changes):
    before = read_record(folder)
    assert before is not None
    write_record(folder, replace(before, **changes))
    return before


@pytest.fixture
def stopped(monkeypatch):
    """Calls of ``train``, which ends at once."""
    calls = []

    def stop(*arguments, **options):
        calls.append((arguments, options))
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "train", stop)
    return calls


@pytest.mark.slow
def test_distillation_is_repeated_bit_for_bit_from_its_record(run_dir, capsys):
    result = rerun(run_dir)
    before = find_recorded(run_dir).record
    assert result.work_dir == run_dir.parent / f"{before.name}_rerun"
    assert result.is_equal is True
    assert result.after.metrics == before.metrics
    assert result.after.name == f"{before.name}_rerun"
    assert (result.work_dir / "config.py").is_file()
    assert read_record(result.work_dir) == result.after
    print_rerun(result)
    printed = capsys.readouterr().out
    assert "The weights are bit-equal to the recorded ones (sha256 " in printed
    assert before.metrics.last is not None
    metric = f"{before.metrics.last['Dice.splash']:.4f}"
    assert printed.count(metric) >= 2
    with pytest.raises(FileExistsError, match="holds a run"):
        rerun(run_dir)


@pytest.mark.slow
def test_changed_table_is_refused_and_allowed_on_request(pond, tmp_path, warned):
    root = shutil.copytree(pond, tmp_path / "pond")
    runs = tmp_path / "runs"
    train(PLAIN, runs / "run", cfg_options=tiny_run(root, "model"), name="plain")
    table, label = root / "frames.csv", next((root / "labels").iterdir())
    kept = label.read_bytes()
    Image.new("L", (80, 64), 255).save(label)
    with pytest.raises(ValueError, match="files of frames or labels of plain changed"):
        rerun(runs)
    label.write_bytes(kept)
    frames = read_table(table)
    write_table(table, [replace(f, recording="other") for f in frames[1:]])
    with pytest.raises(
        ValueError, match=r"the split table and .* --allow-changes"
    ) as e:
        rerun(runs, "plain")
    assert "frames were {'train': 22, " in str(e.value)
    assert not (runs / "plain_rerun").exists()
    result = rerun(runs, "plain", tmp_path / "again", allow_changes=True)
    assert result.is_equal is False
    assert "The weights differ from the recorded ones" in result.verdict
    assert [line for line in warned if "the split table" in line]
    assert (tmp_path / "again" / "weights_plain_rerun_last.safetensors").is_file()


@pytest.mark.slow
def test_record_of_version_1_is_repeated(pond, tmp_path, monkeypatch):
    """Its config has data sets with arguments of former names."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(pond, tmp_path / "data" / "pond")
    old = shutil.copytree(GOLDEN / "version1" / "plain", tmp_path / "runs" / "plain")
    before = find_recorded(old).record
    assert "ann_file = " in (before.config_text or "")
    with pytest.warns(DeprecationWarning, match="of a TimeSplitDataset is now"):
        result = rerun(old, allow_changes=True)
    assert result.after.status == "finished"
    assert result.after.data.frames == before.data.frames
    assert result.after.data.table_sha256 == before.data.table_sha256
    assert result.after.data.tables == before.data.tables
    assert result.is_equal is not None  # the bits are those of one machine


def test_other_teacher_is_refused(run_dir):
    before = find_recorded(run_dir).record
    assert before.teacher is not None
    change(run_dir, teacher=replace(before.teacher, sha256=("0" * 64,)))
    with pytest.raises(ValueError, match=r"the teacher's weights of .* changed since"):
        rerun(run_dir)


def test_missing_teacher_is_named(run_dir):
    path = run_dir / "run.json"
    path.write_text(path.read_text().replace("_best.safetensors", "_none.safetensors"))
    with pytest.raises(FileNotFoundError, match="teacher_checkpoint="):
        rerun(run_dir)


def test_record_without_a_config_is_refused(tmp_path):
    leave_run(tmp_path, status="finished")
    with pytest.raises(ValueError, match="record of run run0 holds no config"):
        rerun(tmp_path)


def test_other_libraries_and_hardware_are_warned_of(run_dir, stopped, warned):
    before = find_recorded(run_dir).record
    hardware = Hardware(cpu="abacus", threads=1, processes=4)
    change(run_dir, host={**before.host, "torch": "1.0"}, hardware=hardware)
    with pytest.raises(KeyboardInterrupt):
        rerun(run_dir)
    text = "\n".join(warned)
    assert "library torch was 1.0, and is " in text
    assert "hardware cpu was abacus, and is " in text
    assert "4 processes trained it, now one does" in text
    assert "threads" not in text
    assert torch.get_num_threads() == 1 or torch.cuda.is_available()


CHANGED = (
    Change(2, "custom_hooks.0.momentum", "0.1", "0.2"),
    Change(4, "code mine", "a" * 64, "b" * 64),
)


def test_run_that_was_changed_midway_is_refused_and_repeated_on_request(
    run_dir, stopped, warned
):
    change(run_dir, changes=CHANGED)
    named = r"momentum at iteration 2 \(0\.1, then 0\.2\), code mine at iteration 4 \(a"
    with pytest.raises(ValueError, match=named):
        rerun(run_dir)
    with pytest.raises(KeyboardInterrupt):
        rerun(run_dir, allow_changes=True)
    assert [line for line in warned if "momentum at iteration 2" in line]


def test_longer_run_whose_schedules_stayed_is_repeated(run_dir, stopped):
    change(run_dir, changes=(Change(2, "train_cfg.max_iters", "2", "4"),))
    with pytest.raises(KeyboardInterrupt):
        rerun(run_dir)


def test_other_code_of_the_network_is_warned_of(run_dir, stopped, warned):
    before = find_recorded(run_dir).record
    name = "mmseg_splashkd.models.segmentors.distill_segmentor"
    assert name in before.code.sources
    sources = {**before.code.sources, name: "0" * 64}
    change(run_dir, code=replace(before.code, sources=sources))
    with pytest.raises(KeyboardInterrupt):
        rerun(run_dir)
    found = [line for line in warned if line.startswith("the code of ")]
    assert found == [f"the code of {name}, which builds the network, has changed"]


def test_recorded_seed_is_used_where_the_config_names_none(run_dir, stopped):
    before = change(run_dir, seed=1234)
    with pytest.raises(KeyboardInterrupt):
        rerun(run_dir, work_dir=run_dir.parent / "there")
    ((config, work_dir), options) = stopped[0]
    assert config == run_dir.parent / "there" / "config.py"
    assert work_dir == run_dir.parent / "there"
    assert options["cfg_options"]["randomness.seed"] == 1234
    assert options["name"] == f"{before.name}_rerun"


@pytest.mark.parametrize("count", [1, 2])
def test_recorded_teachers_replace_their_patterns(tmp_path, count):
    files = [str(tmp_path / f"{number}.pth") for number in range(count)]
    given = record(teacher=Teacher(tuple(files), ("x",) * count), seed=0)
    assert "model.teacher_checkpoint" not in module._options(given)  # files are gone
    for file in files:
        (tmp_path / file).touch()
    found = module._options(given)["model.teacher_checkpoint"]
    assert found == (files[0] if count == 1 else files)


def test_run_must_be_one(tmp_path):
    leave_run(tmp_path, 0, status="finished")
    leave_run(tmp_path, 1, status="failed")
    leave_run(tmp_path, 2, status="finished", name="run1")
    assert find_recorded(tmp_path, "run0").record == record(0)
    assert find_recorded(tmp_path / "run1").work_dir == tmp_path / "run1"
    assert find_recorded(tmp_path, record(2).id).work_dir == tmp_path / "run2"
    with pytest.raises(
        ValueError, match=r"--run nobody: .* no such run, but run0, run1"
    ):
        find_recorded(tmp_path, "nobody")
    with pytest.raises(ValueError, match="holds 3 runs, select one by --run: run0, r"):
        find_recorded(tmp_path)
    with pytest.raises(ValueError, match=r"holds 2 records of that name") as caught:
        find_recorded(tmp_path, "run1")
    for number in (1, 2):
        assert f"{record(number).id}  began" in str(caught.value)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        find_recorded(tmp_path / "none")


def test_every_start_of_an_old_ledger_can_be_repeated(tmp_path):
    ledger = GOLDEN / "version1" / "records.jsonl"
    lines = [json.loads(line) for line in ledger.read_text().splitlines()[1:3]]
    first = find_recorded(ledger, lines[0]["id"])
    assert (first.record.id, first.record.iteration) == (lines[0]["id"], 2)
    with pytest.raises(ValueError, match=r"--run resumed_0102: .* holds 2 records"):
        find_recorded(ledger, "resumed_0102")
    one = tmp_path / "line.json"
    one.write_text(json.dumps(lines[1]))
    assert find_recorded(one).record.id == lines[1]["id"]


def test_runs_of_other_lengths_are_not_compared(tmp_path):
    weights = BestAndLast(None, Weights("x", "a"))
    cut = record(0, status="stopped", iteration=2, weights=weights)
    whole = record(1, iteration=4, weights=weights)
    result = Rerun(cut, whole, tmp_path)
    assert result.is_equal is None
    assert "ended at iteration 2 (stopped), the repetition at 4" in result.verdict
    assert (
        Rerun(whole, replace(whole, weights=BestAndLast()), tmp_path).is_equal is None
    )
    assert Rerun(whole, whole, tmp_path).is_equal is True


def test_repetition_is_written_beside_its_run(run_dir, stopped):
    with pytest.raises(KeyboardInterrupt):
        rerun(run_dir)
    ((_, work_dir), _) = stopped[0]
    assert work_dir.parent == run_dir.parent
    assert find_runs([run_dir])[0].name in work_dir.name
