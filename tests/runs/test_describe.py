import hashlib
import json
import shutil
from dataclasses import replace

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.datasets.split_table import read_table, write_table
from mmseg_splashkd.runs.describe import config_text, describe, tables_of
from tests.conftest import CONFIGS, PLAIN, tiny_run

SOME = ("demo/segformer_b0_kd_pe001_pond.py", "kd/pspnet_r50_kd.py", "farm/farm_b0.py")


@pytest.mark.parametrize("name", SOME)
def test_text_of_a_config_makes_it_again(name):
    cfg = read_config(CONFIGS / name)
    again = Config.fromstring(config_text(cfg), ".py")
    assert again.to_dict() == cfg.to_dict()


def test_keys_that_are_numbers_stay_numbers():
    values = {"label_coding": {"gray_to_train_id": {0: 0, 255: 1}}, "size": (1, 2)}
    again = Config.fromstring(config_text(Config(values)), ".py")
    assert again.to_dict() == values


def test_classes_in_a_config_are_written_by_the_host():
    text = config_text(Config({"model": {"type": dict}}))
    assert "<class" not in text


@pytest.fixture
def own_pond(pond, tmp_path):
    return shutil.copytree(pond, tmp_path / "pond")


def data_of(root, **options):
    return describe(read_config(PLAIN, tiny_run(root, **options)), PLAIN, {})[0]["data"]


def test_hash_of_files_tells_a_changed_label_and_no_moved_folder(pond, own_pond):
    before = data_of(pond)["files_sha256"]
    assert data_of(own_pond)["files_sha256"] == before
    label = next((own_pond / "labels").rglob("*.png"))
    content = bytearray(label.read_bytes())
    content[-20] ^= 1  # as long as it was
    label.write_bytes(content)
    assert data_of(own_pond)["files_sha256"] != before


def test_frames_without_label_are_listed_too(own_pond):
    table = own_pond / "frames.csv"
    frames = read_table(table)
    frames[0] = replace(frames[0], label="")
    write_table(table, frames)
    key = "train_dataloader.dataset.dataset.unlabelled"
    cfg = read_config(PLAIN, tiny_run(own_pond) | {key: "include"})
    about, text = describe(cfg, PLAIN, {})
    assert about["data"]["frames"]["train"] == 22
    assert text is not None
    assert (
        about["data"]["train_frames_sha256"]
        == hashlib.sha256(text.encode()).hexdigest()
    )
    cfg.train_dataloader.dataset.dataset.unlabelled = "skip"
    assert describe(cfg, PLAIN, {})[0]["data"]["frames"]["train"] == 21


def test_part_that_is_validated_again_is_no_test_part(pond):
    data = data_of(pond, test_dataloader__dataset__split="val")
    assert data["frames"] == {"train": 22, "val": 6, "test": None}


def test_several_tables_are_all_hashed(pond, own_pond):
    cfg = read_config(PLAIN, tiny_run(pond))
    one = cfg.train_dataloader.dataset.dataset
    both = [one, {**one, "data_root": str(own_pond)}]
    cfg.train_dataloader.dataset = {"type": "ConcatDataset", "datasets": both}
    tables = [pond / "frames.csv", own_pond / "frames.csv"]
    assert tables_of(cfg) == tables
    data = describe(cfg, PLAIN, {})[0]["data"]
    expected = [hashlib.sha256(path.read_bytes()).hexdigest() for path in tables]
    assert data["table_sha256"] == expected


def test_data_set_that_lists_nothing_is_not_guessed_at(pond):
    cfg = read_config(PLAIN, tiny_run(pond))
    cfg.train_dataloader.dataset = {"type": "NoSuchDataset"}
    about, frames = describe(cfg, PLAIN, {})
    assert frames is None
    assert about["data"]["frames"]["train"] is None
    assert about["data"]["train_frames_sha256"] is None


def test_options_are_kept_as_json_has_them(pond):
    options = {"size": (1, 2), "data_root": pond}
    about, _ = describe(read_config(PLAIN, tiny_run(pond)), PLAIN, options)
    assert about["options"] == {"size": [1, 2], "data_root": str(pond)}
    assert json.loads(json.dumps(about)) == about
