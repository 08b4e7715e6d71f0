import hashlib
import json
import shutil
from dataclasses import replace

import pytest

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.datasets.split_table import read_table, write_table
from mmseg_splashkd.records.codec import from_json, to_json
from mmseg_splashkd.runs.describe import describe, split_tables
from tests.conftest import PLAIN, tiny_run


@pytest.fixture
def own_pond(pond, tmp_path):
    return shutil.copytree(pond, tmp_path / "pond")


def data_of(root, **options):
    return describe(read_config(PLAIN, tiny_run(root, **options)), PLAIN, {})[0].data


def test_hash_of_files_depends_on_labels_and_not_on_the_folder(pond, own_pond):
    before = data_of(pond).files_sha256
    assert data_of(own_pond).files_sha256 == before
    label = next((own_pond / "labels").rglob("*.png"))
    content = bytearray(label.read_bytes())
    content[-20] ^= 1  # as long as it was
    label.write_bytes(content)
    assert data_of(own_pond).files_sha256 != before


def test_frames_without_label_are_listed_too(own_pond):
    table = own_pond / "frames.csv"
    frames = read_table(table)
    frames[0] = replace(frames[0], label="")
    write_table(table, frames)
    key = "train_dataloader.dataset.dataset.unlabelled"
    cfg = read_config(PLAIN, tiny_run(own_pond) | {key: "include"})
    found, names = describe(cfg, PLAIN, {})
    assert found.data.frames["train"] == 22
    assert names is not None
    text = "".join(f"{name}\n" for name in names)
    assert found.data.train_frames_sha256 == hashlib.sha256(text.encode()).hexdigest()
    cfg.train_dataloader.dataset.dataset.unlabelled = "skip"
    assert describe(cfg, PLAIN, {})[0].data.frames["train"] == 21


def test_validation_part_is_not_counted_as_test_part_too(pond):
    data = data_of(pond, test_dataloader__dataset__split="val")
    assert data.frames == {"train": 22, "val": 6, "test": None}


def test_several_tables_are_all_hashed(pond, own_pond):
    cfg = read_config(PLAIN, tiny_run(pond))
    one = cfg.train_dataloader.dataset.dataset
    both = [one, {**one, "data_root": str(own_pond)}]
    cfg.train_dataloader.dataset = {"type": "ConcatDataset", "datasets": both}
    tables = [pond / "frames.csv", own_pond / "frames.csv"]
    assert split_tables(cfg) == tables
    data = describe(cfg, PLAIN, {})[0].data
    expected = [hashlib.sha256(path.read_bytes()).hexdigest() for path in tables]
    assert data.table_sha256 == tuple(expected)
    assert data.tables == tuple(table.as_posix() for table in tables)


def test_data_set_without_a_list_of_frames(pond):
    cfg = read_config(PLAIN, tiny_run(pond))
    cfg.train_dataloader.dataset = {"type": "NoSuchDataset"}
    found, frames = describe(cfg, PLAIN, {})
    assert frames is None
    assert found.data.frames["train"] is None
    assert found.data.train_frames_sha256 is None


def test_options_are_kept_as_json_has_them(pond):
    options = {"size": (1, 2), "data_root": pond}
    found, _ = describe(read_config(PLAIN, tiny_run(pond)), PLAIN, options)
    assert found.options == {"size": [1, 2], "data_root": str(pond)}
    named = replace(found, name="run")
    assert from_json(json.loads(json.dumps(to_json(named)))) == named
