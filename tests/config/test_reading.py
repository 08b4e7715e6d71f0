import re
from pathlib import Path

import pytest
from mmcv.transforms import Resize

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.training import check_data_root
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import LOADERS, loader_leaves
from tests.conftest import CONFIGS
from tests.photos import write_config

KD = CONFIGS / "kd" / "segformer_b0.py"
SPLIT = "TimeSplitDataset"
FARM = CONFIGS / "farm" / "farm_b0.py"
CAMVID = CONFIGS / "camvid" / "segformer_b0_camvid.py"


def shared(config: Path, key: str, value: object) -> list:
    """Values of the data sets for a key that an option sets at the top level."""
    cfg = read_config(config, {key: value})
    return [leaf[key] for loader in LOADERS for leaf in loader_leaves(cfg, loader)]


# Options


@pytest.mark.parametrize("option", ["seed", "xyz.model"])
def test_option_without_a_key_in_the_config_is_refused(option):
    message = f"--cfg-options {option}: the config has no {option.split('.')[0]!r}"
    with pytest.raises(ValueError, match=f"{re.escape(message)}$"):
        read_config(KD, {option: 3})


@pytest.mark.parametrize(
    ("option", "meant"),
    [("train_dataloder.batch_size", "train_dataloader"), ("workdir", "work_dir")],
)
def test_error_of_a_misspelt_option_names_the_closest(option, meant):
    with pytest.raises(ValueError, match=rf"has no .*: did you mean {meant}\?$"):
        read_config(KD, {option: 2})


def test_keys_of_a_run_and_new_keys_of_a_section_are_accepted():
    new = {"work_dir": "there", "load_from": "w.safetensors", "model.test_cfg.new": 1}
    cfg = read_config(KD, new)
    found = (cfg.work_dir, cfg.load_from, cfg.model.test_cfg.new)
    assert found == ("there", "w.safetensors", 1)


@pytest.mark.parametrize("config", [KD, CAMVID], ids=["splash", "camvid"])
def test_data_root_moves_all_data(config):
    assert shared(config, "data_root", "farm") == ["farm"] * 3


def test_ratios_hold_for_all_data():
    assert shared(KD, "ratios", [0.5, 0.3, 0.2]) == [[0.5, 0.3, 0.2]] * 3


# Wrappers

WRAPPED = """
def repeat(inner):
    return dict(type="RepeatDataset", times=2, dataset=inner)


def join(*inner):
    return dict(type="ConcatDataset", datasets=list(inner))


_base_ = "{base}"
data_root = "data/splash"
frames = dict(
    type="TimeSplitDataset", split="train", data_root=data_root, pipeline=[]
)
photos = dict(type="BaseSegDataset", data_root=data_root, pipeline=[])
train_dataloader = dict(
    dataset=dict(
        _delete_=True, type="ViewDataset", dataset=repeat(join(frames, photos))
    )
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True, **join(dict(frames, split="val"), dict(frames, split="test"))
    )
)
test_dataloader = dict(dataset=dict(_delete_=True, **repeat(repeat(photos))))
"""


@pytest.fixture
def wrapped(tmp_path) -> Path:
    """A config with wrappers in all loaders: 3 frames' and 2 photos' data sets."""
    path = tmp_path / "wrapped.py"
    path.write_text(WRAPPED.replace("{base}", str(KD)))
    return path


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("split_table", "folds.csv"),
        ("fold", 1),
        ("ratios", [0.5, 0.3, 0.2]),
        ("embargo", "30s"),
        ("label_coding", "trash"),
    ],
)
def test_a_shared_key_reaches_every_split_inside_wrappers(wrapped, key, value):
    found = list(loader_leaves(read_config(wrapped, {key: value})))
    kinds = [leaf.type for leaf in found]
    assert kinds == [SPLIT, "BaseSegDataset", SPLIT, SPLIT, "BaseSegDataset"]
    for leaf in found:
        assert leaf.get(key) == (value if leaf.type == SPLIT else None)


def test_data_root_reaches_every_data_set_inside_wrappers(wrapped):
    found = loader_leaves(read_config(wrapped, {"data_root": "farm"}))
    assert [leaf.data_root for leaf in found] == ["farm"] * 5


def test_roots_that_differ_are_not_made_one(wrapped):
    text = wrapped.read_text().replace(
        'BaseSegDataset", data_root=data_root', 'BaseSegDataset", data_root="other"'
    )
    wrapped.write_text(text)
    message = "read different roots, data/splash, other; set each in the file"
    with pytest.raises(ValueError, match=message):
        read_config(wrapped, {"data_root": "farm"})


def test_a_key_that_no_data_set_takes_is_refused(wrapped):
    only = "train_dataloader = val_dataloader = None\n"
    wrapped.write_text(wrapped.read_text() + only)
    message = r"--cfg-options fold: no data set of .*wrapped\.py is a TimeSplitDataset"
    with pytest.raises(ValueError, match=message):
        read_config(wrapped, {"fold": 1})


def test_a_config_without_a_scope_has_that_of_the_host(wrapped):
    wrapped.write_text(wrapped.read_text() + "default_scope = None\n")
    assert read_config(wrapped).default_scope == "mmseg"


def test_a_config_without_a_seed_takes_one(tmp_path, photos):
    path = write_config(tmp_path / "photos.py", photos)
    assert read_config(path, {"randomness.seed": 3}).randomness.seed == 3


# Former names


@pytest.mark.parametrize(
    ("old", "new"), [("ann_file", "split_table"), ("label_map", "label_coding")]
)
def test_former_key_is_refused_with_the_present_one(tmp_path, old, new):
    with pytest.raises(ValueError, match=f"--cfg-options {old}: .* now named {new}"):
        read_config(KD, {old: "mine"})
    path = tmp_path / "mine.py"
    path.write_text(f'_base_ = "{KD}"\n{old} = "mine"\n')
    with pytest.raises(ValueError, match=f"sets {old}, which is now named {new}"):
        read_config(path)
    path.write_text(f'_base_ = "{CAMVID}"\n{old} = "mine"\n')
    assert read_config(path)[old] == "mine"  # a variable beside other data sets


def test_former_arguments_of_a_data_set_are_renamed(tmp_path):
    path = tmp_path / "mine.py"
    old = "dataset=dict(split_table=None, ann_file='a.csv', label_map='splash')"
    path.write_text(f'_base_ = "{KD}"\nval_dataloader = dict({old})\n')
    with pytest.raises(ValueError, match="both split_table and ann_file"):
        read_config(path)
    old = "dataset=dict(_delete_=True, type='mmseg.TimeSplitDataset', ann_file='a.csv')"
    path.write_text(f'_base_ = "{KD}"\nval_dataloader = dict({old})\n')
    with pytest.warns(DeprecationWarning, match="ann_file of a TimeSplitData"):
        cfg = read_config(path, {"split_table": "b.csv"})
    assert "ann_file" not in cfg.val_dataloader.dataset
    assert cfg.val_dataloader.dataset.split_table == "b.csv"


# Files


@pytest.mark.parametrize(
    ("part", "missing"),
    [
        ("_base_/datasets/pond_128x192.py", "model"),
        ("_base_/default_runtime.py", "model"),
        ("_base_/models/segformer_b0.py", "data loaders"),
    ],
)
def test_part_of_a_config_is_refused(part, missing):
    message = rf"{re.escape(part)} is a part of a config: it has no {missing}"
    with pytest.raises(ValueError, match=message):
        read_config(CONFIGS / part)


def test_a_config_may_have_loaders_for_testing_alone(tmp_path):
    path = tmp_path / "mine.py"
    unset = "train_dataloader = val_dataloader = None\n"
    path.write_text(f'_base_ = "{KD}"\n{unset}')
    cfg = read_config(path, {"data_root": "farm"})
    (leaf,) = loader_leaves(cfg, "test_dataloader")
    assert leaf.data_root == "farm"


def test_table_and_fold_hold_for_all_data():
    assert shared(KD, "fold", 3) == [3] * 3
    assert shared(KD, "embargo", "30s") == ["30s"] * 3
    assert shared(KD, "split_table", "split.csv") == ["split.csv"] * 3


# Files that inherit


def inheriting(folder: Path, base: Path, *lines: str) -> Path:
    path = folder / "mine.py"
    path.write_text("\n".join([f'_base_ = "{base}"', *lines]))
    return path


def test_a_config_that_inherits_sets_data_and_size_in_one_line_each(tmp_path):
    lines = ['split_table = "split.csv"', 'embargo = "30s"', "fold = 1"]
    lines += ['label_coding = "data/river.yaml"', "size = (192, 128)"]
    path = inheriting(tmp_path, FARM, 'data_root = "x"', *lines)
    for cfg in (read_config(path), read_config(inheriting(tmp_path / "..", path))):
        for loader in LOADERS:
            leaf = next(loader_leaves(cfg, loader))
            found = (leaf.data_root, leaf.split_table, leaf.embargo, leaf.fold)
            assert found == ("x", "split.csv", "30s", 1)
            assert leaf.label_coding == "data/river.yaml"
            (resize,) = (step for step in leaf.pipeline if is_a(step, Resize))
            assert resize.scale == (192, 128)
        assert cfg.tta_pipeline[1].transforms[0][0].scale == (192, 128)


def test_data_root_without_effect_is_refused(tmp_path):
    path = inheriting(tmp_path, KD, 'data_root = "farm"')
    assert next(loader_leaves(read_config(path), "val_dataloader")).data_root == "farm"
    unused = "dataset=dict(data_root='mine')"
    lines = [f"val_dataloader = test_dataloader = dict({unused})"]
    lines += [f"train_dataloader = dict(dataset=dict({unused}))"]
    path.write_text("\n".join([path.read_text(), *lines]))
    message = "data_root='farm', which changes .*Set train_dataloader.*data_root"
    with pytest.raises(ValueError, match=message):
        read_config(path)
    moved = read_config(path, {"data_root": "farm"})
    assert next(loader_leaves(moved, "val_dataloader")).data_root == "farm"


def test_a_shared_key_that_no_base_reads_is_refused(tmp_path):
    trash = CONFIGS / "_base_" / "datasets" / "trash_512.py"
    others = [f"{CONFIGS}/_base_/{name}.py" for name in ("models/segformer_b0",)]
    path = tmp_path / "mine.py"
    path.write_text(f"_base_ = {[str(trash), *others]}\nfold = 1\n")
    with pytest.raises(ValueError, match="sets fold=1, which none of its data sets"):
        read_config(path)
    assert (
        next(loader_leaves(read_config(path, {"fold": 1}), "val_dataloader")).fold == 1
    )


# Keys that other keys or options replace


def test_find_unused_parameters_acts_beside_a_wrapper():
    assert not read_config(KD).model_wrapper_cfg.find_unused_parameters
    wrapper = read_config(KD, {"find_unused_parameters": True}).model_wrapper_cfg
    assert wrapper.find_unused_parameters is True
    assert wrapper.type == "MMDistributedDataParallel"


@pytest.mark.parametrize(
    ("key", "remedy"),
    [("resume", "--resume"), ("launcher", "--launcher"), ("experiment_name", "--name")],
)
def test_keys_that_a_tool_sets_name_its_option(key, remedy):
    with pytest.raises(ValueError, match=f"{key} has no effect: {remedy}"):
        read_config(KD, {key: "x"})


def test_a_module_named_by_an_option_is_imported():
    with pytest.raises(ImportError, match="nowhere_to_be_found"):
        read_config(KD, {"custom_imports.imports": ["nowhere_to_be_found"]})


# Folders of a plain mmseg data set


def check_camvid(root: Path) -> None:
    check_data_root(read_config(CAMVID, {"data_root": str(root)}), "train_dataloader")


def test_missing_root_names_the_expected_folders(tmp_path):
    root = tmp_path / "nowhere"
    with pytest.raises(FileNotFoundError) as caught:
        check_camvid(root)
    for part in (repr(str(root)), root / "images" / "train", root / "labels" / "train"):
        assert str(part) in str(caught.value)


@pytest.mark.parametrize("filled", ["images", "labels"])
def test_an_empty_folder_is_refused_like_a_missing_one(tmp_path, filled):
    for kind in ("images", "labels"):
        (tmp_path / kind / "train").mkdir(parents=True)
    (tmp_path / filled / "train" / "frame").touch()
    with pytest.raises(FileNotFoundError, match="does not exist or lacks frames"):
        check_camvid(tmp_path)
    for kind in ("images", "labels"):
        (tmp_path / kind / "train" / "frame").touch()
    check_camvid(tmp_path)


def test_a_file_may_name_the_runner_of_other_tools_anew(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(f'_base_ = "{KD}"\nrunner_type = "SafeRunner"\n')
    assert read_config(path).runner_type == "SafeRunner"
