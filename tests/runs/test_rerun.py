import json
import shutil
from dataclasses import replace

import pytest
import torch
from PIL import Image

from mmseg_splashkd.datasets.split_table import read_table, write_table
from mmseg_splashkd.records import LEDGER, read_ledger
from mmseg_splashkd.runs import rerun as module
from mmseg_splashkd.runs.rerun import Rerun, find_record, rerun, tell
from mmseg_splashkd.runs.train import train
from tests.conftest import PLAIN, tiny_run
from tests.records.builders import record


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def told(monkeypatch):
    lines = []
    monkeypatch.setattr(module, "print_log", lambda text, **_: lines.append(text))
    return lines


def write_lines(path, *records):
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    return path


@pytest.fixture
def line(distilled, tmp_path):
    """A file with the line of a tiny distillation, and nothing else of it."""
    lines = read_ledger(distilled.parent)
    (found,) = [each for each in lines if each["work_dir"] == distilled.name]
    return write_lines(tmp_path / "line.jsonl", found)


def changed(line, part, key, value):
    before = find_record(line)
    return write_lines(line, before | {part: before[part] | {key: value}})


@pytest.mark.slow
def test_distillation_is_repeated_bit_for_bit_from_its_line(line, tmp_path, capsys):
    result = rerun(line)
    before = find_record(line)
    assert result.work_dir == tmp_path / f"{before['run']}_rerun"
    assert result.is_equal is True
    assert result.after["metrics"] == before["metrics"]
    assert result.after["run"] == f"{before['run']}_rerun"
    assert (result.work_dir / "config.py").is_file()
    again = read_ledger(tmp_path / LEDGER)
    assert [each["run"] for each in again] == [result.after["run"]]
    tell(result)
    printed = capsys.readouterr().out
    assert "The weights are bit-equal to the recorded ones (sha256 " in printed
    figure = f"{before['metrics']['last']['Dice.splash']:.4f}"
    assert printed.count(figure) >= 2
    with pytest.raises(FileExistsError, match="holds a run"):
        rerun(line)


@pytest.mark.slow
def test_changed_table_is_refused_and_allowed_on_request(pond, tmp_path, told):
    root = shutil.copytree(pond, tmp_path / "pond")
    train(PLAIN, tmp_path / "run", cfg_options=tiny_run(root, "model"), name="plain")
    table, label = root / "frames.csv", next((root / "labels").iterdir())
    kept = label.read_bytes()
    Image.new("L", (80, 64), 255).save(label)
    with pytest.raises(ValueError, match="files of frames or labels of plain changed"):
        rerun(tmp_path / LEDGER)
    label.write_bytes(kept)
    frames = read_table(table)
    write_table(table, [replace(f, recording="other") for f in frames[1:]])
    with pytest.raises(
        ValueError, match=r"the split table and .* --allow-changes"
    ) as e:
        rerun(tmp_path, "plain")
    assert "frames were {'train': 22, " in str(e.value)
    assert not (tmp_path / "plain_rerun").exists()
    result = rerun(tmp_path, "plain", tmp_path / "again", allow_changes=True)
    assert result.is_equal is False
    assert "The weights differ from the recorded ones" in result.verdict
    assert [line for line in told if "the split table" in line]
    assert (tmp_path / "again" / "weights_plain_rerun_last.safetensors").is_file()


def test_other_teacher_is_refused(line):
    changed(line, "teacher", "sha256", "0" * 64)
    with pytest.raises(ValueError, match=r"the teacher's weights of .* changed since"):
        rerun(line)


def test_teacher_that_is_gone_is_named(line):
    text = line.read_text().replace("_best.safetensors", "_none.safetensors")
    line.write_text(text)
    with pytest.raises(FileNotFoundError, match="teacher_checkpoint="):
        rerun(line)


def test_other_surroundings_are_warned_of(line, monkeypatch, told):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "train", stop)
    changed(line, "host", "torch", "1.0")
    changed(line, "hardware", "cpu", "abacus")
    changed(line, "hardware", "processes", 4)
    changed(line, "hardware", "threads", 1)
    with pytest.raises(KeyboardInterrupt):
        rerun(line)
    text = "\n".join(told)
    assert "host torch was 1.0, and is " in text
    assert "hardware cpu was abacus, and is " in text
    assert "4 processes trained it, and now one will" in text
    assert "threads" not in text
    assert torch.get_num_threads() == 1 or torch.cuda.is_available()


def test_seed_that_no_config_named_is_that_of_the_line(line, monkeypatch):
    calls = []

    def stop(*arguments, **options):
        calls.append((arguments, options))
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "train", stop)
    before = find_record(line)
    write_lines(line, before | {"seed": 1234})
    with pytest.raises(KeyboardInterrupt):
        rerun(line, work_dir=line.parent / "there")
    ((config, work_dir), options) = calls[0]
    assert config == line.parent / "there" / "config.py"
    assert work_dir == line.parent / "there"
    assert options["cfg_options"]["randomness.seed"] == 1234
    assert options["name"] == f"{before['run']}_rerun"


def test_run_must_be_one(tmp_path):
    twice = record(1, how="killed"), record(2, run="run1")
    path = write_lines(tmp_path / LEDGER, record(0), *twice)
    assert find_record(path, "run0")["id"] == record(0)["id"]
    assert find_record(path, record(2)["id"])["how"] == "finished"
    with pytest.raises(
        ValueError, match=r"--run nobody: .* no such run, but run0, run1"
    ):
        find_record(path, "nobody")
    with pytest.raises(ValueError, match="holds 3 runs, name one by --run: run0, run1"):
        find_record(path)
    with pytest.raises(ValueError, match=r"holds 2 lines of that name") as caught:
        find_record(path, "run1")
    for each in twice:
        assert f"{each['id']}  began" in str(caught.value)
    with pytest.raises(FileNotFoundError, match="do not exist"):
        find_record(tmp_path / "none.jsonl")


def test_runs_of_other_lengths_are_not_compared(tmp_path):
    weights = {"last": {"path": "x", "sha256": "a"}}
    stopped = record(0, how="stopped", iteration=2, weights=weights)
    whole = record(1, iteration=4, weights=weights)
    result = Rerun(stopped, whole, tmp_path)
    assert result.is_equal is None
    assert "ended at iteration 2 (stopped), this one at 4" in result.verdict
    assert Rerun(whole, whole | {"weights": {"last": None}}, tmp_path).is_equal is None
