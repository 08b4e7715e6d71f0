"""Files of strangers: each attack would make a file, the canary, and none does.

The attacks go through what a user calls. Those on the readers of checkpoints are in
test_checkpoint.py.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.dataset import BaseDataset
from mmengine.model import PretrainedInit
from mmseg.registry import DATASETS

from mmseg_splashkd.config.teacher_overlap import _images
from mmseg_splashkd.label_errors.held_out import open_runs, predictions
from mmseg_splashkd.records.store import find_runs, read_run
from mmseg_splashkd.records.train_frames import write_train_frames
from mmseg_splashkd.report.experiments.labels import labels_of
from mmseg_splashkd.runs.rerun import rerun
from mmseg_splashkd.runs.resume import changed
from tests.conftest import PLAIN
from tests.models.builders import segformer
from tests.records.builders import leave_run, record
from tests.runs.broken_configs import run
from tests.test_checkpoint import Calls

REFUSED = "if you trust who wrote it, give --trust"


@pytest.fixture
def canary(tmp_path: Path) -> Any:
    """A path; that nothing made a file there is checked after the test."""
    path = tmp_path / "canary"
    yield path
    assert not path.exists(), "code of a stranger ran"


@pytest.fixture
def evil(canary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Name of a module that can be imported, and makes the canary."""
    (tmp_path / "modules").mkdir()
    module = tmp_path / "modules" / "evil_module.py"
    touch = f"import pathlib\npathlib.Path({str(canary)!r}).touch()\n"
    module.write_text(f"{touch}class Data: pass\n")
    monkeypatch.syspath_prepend(str(module.parent))
    yield module.stem
    sys.modules.pop(module.stem, None)


def program(canary: Path) -> dict[str, Any]:
    return {"type": "subprocess.Popen", "args": ["touch", str(canary)]}


def pickled(path: Path, canary: Path) -> str:
    weights = {"state_dict": {"w": torch.ones(1)}}
    torch.save(weights | {"meta": Calls(os.system, f"touch {canary}")}, path)
    return str(path)


# Weights to start from.


def starts(checkpoint: str) -> dict[str, dict[str, Any]]:
    """Changes of a config, each of which names the file in another way."""
    start = {"type": "Pretrained", "checkpoint": checkpoint}
    override = {**start, "name": "decode_head"}
    constant = {"type": "Constant", "val": 0}  # the host prints longer ones slowly
    return {
        "backbone": {"model.backbone.init_cfg": start},
        "pretrained": {"model.backbone.pretrained": checkpoint},
        "prefix": {"model.backbone.init_cfg": {**start, "prefix": "backbone."}},
        "list": {"model.decode_head.init_cfg": [constant, start]},
        "override": {"model.init_cfg": {**constant, "override": override}},
        "class": {"model.backbone.init_cfg": {**start, "type": "mmengine.Pretrained"}},
        "load_from": {"load_from": checkpoint},
    }


@pytest.mark.filterwarnings("ignore:DeprecationWarning. pretrained")
@pytest.mark.parametrize("way", starts(""))
def test_weights_to_start_from_run_no_code(tmp_path, canary, way):
    changes = starts(pickled(tmp_path / "evil.pth", canary))[way]
    if way == "class":
        start = changes["model.backbone.init_cfg"]
        changes = {"model.backbone.init_cfg": {**start, "type": PretrainedInit}}
    with pytest.raises(ValueError, match=r"evil\.pth was refused, because it may run"):
        run(changes, tmp_path / "run")


def test_weights_that_a_constructor_loads_run_no_code(tmp_path, canary):
    evil = pickled(tmp_path / "evil.pth", canary)
    backbone = {"type": "TIMMBackbone", "model_name": "x", "checkpoint_path": evil}
    with pytest.raises(ValueError, match=r"evil\.pth was refused"):
        run({"model.backbone": backbone}, tmp_path / "run")


# Configs in records.


@DATASETS.register_module()
class AnyFrames(BaseDataset):
    """A data set that reads its list as the host does."""

    METAINFO = {"classes": ("a", "b"), "palette": [[0, 0, 0], [1, 1, 1]]}  # noqa: RUF012


def configs(canary: Path, module: str) -> dict[str, dict[str, Any]]:
    """Configs of a run, each with code in another place."""
    photos = {"type": "BaseSegDataset", "data_prefix": {"img_path": "."}}
    loader = {"batch_size": 1, "num_workers": 0, "dataset": photos}
    model = segformer()
    code = program(canary)
    frames = {"type": "AnyFrames", "ann_file": "frames.pkl"}

    def loads(**keys: Any) -> dict[str, Any]:
        return {"model": model, "val_dataloader": {**loader, **keys}}

    return {
        "data set": loads(dataset=code),
        "inner data set": loads(dataset={"type": "ConcatDataset", "datasets": [code]}),
        "transform": loads(dataset={**photos, "pipeline": [code]}),
        "sampler": loads(sampler=code),
        "collate": loads(collate_fn=code),
        "model": {**loads(), "model": code},
        "backbone": {**loads(), "model": {**model, "backbone": code}},
        "module": loads(dataset={"type": module}),
        "module of a scope": loads(dataset={"type": f"{module}.Data"}),
        "scope": loads(dataset={**photos, "_scope_": module}),
        "default scope": {**loads(), "default_scope": module},
        "function of the host": loads(dataset={"type": "mmengine.load"}),
        "pickled list": loads(dataset={**frames}),
        "hidden pickled list": loads(dataset={**frames, "ann_file": "lists/.pkl"}),
        "imports": {**loads(), "custom_imports": {"imports": [module]}},
        "evaluator": {**loads(), "val_evaluator": code},
        "optimizer": {**loads(), "optim_wrapper": {"constructor": f"{module}.Data"}},
        "replaced": {**loads(), "work_dir": "{{ $HOME:x }}"},
        "base": {**loads(), "_base_": f"{module}.py"},
        "writes": {**loads(), "val_evaluator": {"out_dir": "../elsewhere"}},
    }


PLACES = tuple(configs(Path(), ""))


def text_of(values: dict[str, Any]) -> str:
    return "".join(f"{key} = {value!r}\n" for key, value in values.items())


@pytest.fixture
def stranger(canary, evil, tmp_path):
    """A function that leaves the folder of a run with a config."""

    def leave(place: str, **changes: Any) -> Path:
        text = text_of(configs(canary, evil)[place])
        changes = {"config_text": text, "status": "finished", **changes}
        work_dir = leave_run(tmp_path / "runs", **changes)
        (work_dir / "weights_x_last.safetensors").touch()
        write_train_frames(work_dir, ["a/b"])
        return work_dir

    return leave


@pytest.mark.parametrize("place", PLACES)
def test_label_errors_of_a_foreign_run_run_no_code(stranger, place):
    def search() -> None:
        for each in open_runs([stranger(place)])[0]:
            list(predictions(each, progress=False))

    with pytest.raises(ValueError, match=REFUSED):
        search()


@pytest.mark.parametrize("place", PLACES)
def test_repeating_a_foreign_run_runs_no_code(stranger, place, tmp_path):
    with pytest.raises(ValueError, match=REFUSED):
        rerun(stranger(place))
    assert {each.name for each in (tmp_path / "runs").iterdir()} == {"run0"}


@pytest.mark.parametrize(
    "place", ["data set", "module", "scope", "hidden pickled list"]
)
def test_pages_and_checks_of_a_foreign_run_run_no_code(stranger, place):
    work_dir = stranger(place)
    found = read_run(work_dir)
    assert found is not None
    with pytest.raises(ValueError, match=REFUSED):
        labels_of(found.record, "val")
    assert _images(work_dir, {"a/b"}) == {}


def test_a_config_that_is_a_program_is_not_run(stranger, canary, evil):
    for line in (
        f"import {evil}",
        f"a = open({str(canary)!r}, 'w')",
        f"a = dict(b=[open({str(canary)!r}, 'w')])",
        f"a = {{}}[open({str(canary)!r}, 'w')]",
        f"open({str(canary)!r}, 'w')",
        f"a = f\"{{open({str(canary)!r}, 'w')}}\"",
        f"exec('open({str(canary)!r}, \"w\")')",
        "a = " + "(" * 5000,
        "a = " + "-" * 5000 + "1",
    ):
        text = f"model = dict()\n{line}\n"
        with pytest.raises(ValueError, match="the config holds more than values"):
            changed(text, "model = {}\n")
    work_dir = stranger("data set", config_text=text)
    for opens in (lambda: rerun(work_dir), lambda: open_runs([work_dir])):
        with pytest.raises(ValueError, match="the config holds more than values"):
            opens()


@pytest.mark.parametrize(
    "options",
    [
        {"val_dataloader.dataset.type": "subprocess.Popen"},
        {"custom_imports.imports": ["evil_module"]},
        {"custom_imports": {"imports": "evil_module"}},
        {"default_scope": "evil_module"},
        {"model": {"type": "evil_module.Data"}},
    ],
)
def test_options_of_a_foreign_run_run_no_code(stranger, options):
    work_dir = stranger("data set", options=options)
    with pytest.raises(ValueError, match=REFUSED):
        open_runs([work_dir], config=PLAIN)


# Names in records.

NAMES = ["../x", "/tmp/x", "..", "", "a/b", "a\\b", "a\nb", "C:x/y"]


@pytest.mark.parametrize("name", NAMES)
def test_a_ledger_writes_nowhere_else(tmp_path, name):
    folder = tmp_path / "in" / "runs"
    folder.mkdir(parents=True)
    line = {"version": 1, "id": "1", "run": name, "how": "finished"}
    (folder / "records.jsonl").write_text(json.dumps(line | {"config_text": "a = 1"}))
    with pytest.raises(ValueError, match=r"no such run, but none at all|no runs found"):
        rerun(folder / "records.jsonl", name)
    assert {each.name for each in tmp_path.rglob("*")} == {
        "in",
        "runs",
        folder.name,
    } | {"records.jsonl"}


@pytest.mark.parametrize("name", NAMES)
def test_a_record_with_a_path_as_its_name_is_damaged(tmp_path, name):
    leave_run(tmp_path, name=name)
    (found,) = find_runs([tmp_path])
    assert found.status == "not recorded"
    assert "must be a name, without a path" in (found.record.reason or "")
    assert found.name == "run0"


def test_a_ledger_that_names_another_folder_writes_where_the_user_says(tmp_path):
    folder = tmp_path / "in" / "runs"
    folder.mkdir(parents=True)
    line = {"version": 1, "id": "1", "run": "x", "how": "finished"}
    line |= {"work_dir": "../../out/x", "config_text": "a = 1"}
    (folder / "records.jsonl").write_text(json.dumps(line))
    with pytest.raises(ValueError, match=r"lies elsewhere: give .* --work-dir"):
        rerun(folder / "records.jsonl")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", ["../../w.safetensors", "/w.safetensors", 3])
def test_weights_of_a_record_lie_in_its_folder(tmp_path, path):
    work_dir = leave_run(tmp_path)
    values = json.loads((work_dir / "run.json").read_text())
    values["weights"]["last"] = {"path": path, "sha256": "0"}
    (work_dir / "run.json").write_text(json.dumps(values))
    (found,) = find_runs([work_dir])
    assert found.status == "not recorded"
    assert "must be below the folder of the run" in (found.record.reason or "")


def test_a_record_of_this_package_is_read(tmp_path):
    leave_run(tmp_path, status="finished")
    assert find_runs([tmp_path])[0].record == record(0)
