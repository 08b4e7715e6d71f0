from dataclasses import replace

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.data_check import check_data, coding_of, frames_by_part
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.datasets.split_table import read_table, write_table
from tests.conftest import DISTILLED, PLAIN
from tests.datasets.checks.builders import clean_pond


@pytest.fixture
def table(pond, tmp_path):
    return clean_pond(pond, tmp_path / "pond")


def config(table, **keys) -> Config:
    """Loaders that read a split table, train through a wrapper for views."""

    def part(split):
        dataset = {"type": "TimeSplitDataset", "split": split}
        return dataset | {"data_root": str(table.parent), "split_table": table.name}

    train = {"type": "ViewDataset", "dataset": part("train")}
    return Config(
        {
            "train_dataloader": {"dataset": train},
            "val_dataloader": {"dataset": part("val")},
            "test_dataloader": {"dataset": part("test")},
            **keys,
        }
    )


def interleave(table, fold: bool = False) -> None:
    """Put every fourth frame into val, and none into test, as a fold or as parts."""
    frames = read_table(table)
    write_table(
        table,
        [
            replace(f, split="train", fold=int(i % 4 == 2))
            if fold
            else replace(f, split="val" if i % 4 == 2 else "train")
            for i, f in enumerate(frames)
        ],
    )


def test_clean_data_give_no_warnings(table):
    assert check_data(config(table)) == []


@pytest.mark.parametrize("path", [PLAIN, DISTILLED])
def test_frames_are_those_the_loaders_read(pond, path):
    cfg = read_config(path, {"data_root": str(pond), "embargo": 0})
    parts = frames_by_part(cfg)
    assert {part: len(frames) for part, frames in parts.items()} == {
        "train": 22,
        "val": 6,
        "test": 3,
    }
    assert coding_of(cfg).classes == ("background", "splash")


def test_borders_give_a_warning(pond):
    cfg = read_config(PLAIN, {"data_root": str(pond), "embargo": 0})
    [warning] = check_data(cfg)
    assert "[border] 2 of 6 val frames" in str(warning)


def without_test(table, **keys) -> Config:
    cfg = config(table, **keys)
    cfg.test_dataloader = cfg.val_dataloader
    return cfg


def test_invalid_data_are_refused_with_the_remedy(table):
    interleave(table)
    with pytest.raises(ValueError, match=r"\[overlap\] \d+ of 8 val") as caught:
        check_data(without_test(table))
    assert "data_check = dict(allow=['overlap'])" in str(caught.value)


def test_allowed_errors_become_warnings(table):
    interleave(table)
    warnings = check_data(without_test(table, data_check={"allow": ["overlap"]}))
    [allowed] = [finding for finding in warnings if finding.code == "overlap"]
    assert "(allowed)" in str(allowed)


def test_overlap_of_folds_is_a_warning_in_a_config(table):
    interleave(table, fold=True)
    cfg = without_test(table)
    for dataset in (cfg.train_dataloader.dataset.dataset, cfg.val_dataloader.dataset):
        dataset.fold = 1
    assert "[overlap]" in str(check_data(cfg)[0])


def test_embargo_of_the_config_counts(table):
    warnings = check_data(config(table, data_check={"embargo_seconds": 60}))
    assert {finding.code for finding in warnings} == {"border"}


def test_many_errors_are_counted(table):
    frames = read_table(table)
    shared = [replace(f, label=frames[i // 2 * 2].label) for i, f in enumerate(frames)]
    write_table(table, shared)  # 13 labels in the parts, and 2 in the embargo
    with pytest.raises(ValueError, match=r"(?s)shared_label.*  and 3 more\n"):
        check_data(config(table))


def test_training_part_read_by_the_val_loader_is_refused(table):
    cfg = config(table)
    cfg.val_dataloader.dataset.split = "train"
    with pytest.raises(ValueError, match="18 frames in both train and val"):
        check_data(cfg)


def test_test_loader_that_reads_val_is_no_overlap(table):
    assert check_data(without_test(table)) == []
    assert list(frames_by_part(without_test(table))) == ["train", "val"]


def test_frames_without_label_are_chosen_as_by_the_loader(table):
    frames = read_table(table)
    write_table(
        table,
        [replace(f, label="" if i < 3 else f.label) for i, f in enumerate(frames)],
    )
    cfg = config(table)
    for unlabelled, count in (
        ("include", 18),
        ("skip", 15),
        ("only", 3),
    ):
        cfg.train_dataloader.dataset.dataset.unlabelled = unlabelled
        assert len(frames_by_part(cfg)["train"]) == count
    cfg.train_dataloader.dataset.dataset.unlabelled = "error"
    with pytest.raises(
        ValueError, match=r"3 frames of split 'train' of .* have no lab"
    ):
        frames_by_part(cfg)


def test_several_data_sets_of_a_loader_are_checked(table):
    cfg = config(table)
    one = cfg.train_dataloader.dataset.dataset
    both = [one, {**one, "split": "test"}]
    cfg.train_dataloader.dataset = {"type": "ConcatDataset", "datasets": both}
    with pytest.raises(ValueError, match="3 frames in both train and test"):
        check_data(cfg)


def test_other_data_sets_are_ignored():
    other = {"dataset": {"type": "BaseSegDataset", "data_root": "nowhere"}}
    cfg = Config({"train_dataloader": other})
    check_data(cfg)
    with pytest.raises(ValueError, match="BaseSegDataset has no class names"):
        coding_of(cfg)


def test_codings_must_agree(table):
    cfg = config(table)
    cfg.test_dataloader.dataset.label_coding = "trash"
    with pytest.raises(ValueError, match="differ in label_coding"):
        coding_of(cfg)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alow": ["overlap"]}, r"data_check has unknown keys \['alow'\]"),
        ({"allow": ["overlpa"]}, r"allow=\['overlpa'\]: the codes are"),
    ],
)
def test_options_are_checked(table, options, message):
    with pytest.raises(ValueError, match=message):
        check_data(config(table, data_check=options))
