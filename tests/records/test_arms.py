import pytest

from mmseg_splashkd.records.arms import arm_key
from tests.records.builders import record

OPTIONS = {"data_root": "farm", "ratios": [0.5, 0.5], "label_coding": {"a": 1, "b": 2}}


def key(config="configs/a.py", **options):
    return arm_key(record(config=config, options=OPTIONS | options))


@pytest.mark.parametrize(
    "own",
    [
        {"fold": 3},
        {"val_dataloader.dataset.fold": 1},
        {"randomness.seed": 7},
        {"work_dir": "there"},
        {"model.teacher_checkpoint": "t.pth"},
        {"teacher_cache": "cache"},
        {"model.teacher_cache": "cache"},
    ],
)
def test_runs_of_an_arm_differ_in_fold_and_seed_and_what_follows(own):
    assert key(**own) == key()


@pytest.mark.parametrize(
    "other",
    [
        {"model.distill_loss.teacher_ratio": 0.5},
        {"ratios": [0.4, 0.6]},
        {"randomness.deterministic": True},
        {"manifold": 1},
    ],
)
def test_other_options_are_other_arms(other):
    assert key(**other) != key()


def test_name_and_seed_are_not_part_of_the_key():
    first = record(1, name="unet_seed7_1128", seed=0, config="a.py")
    second = record(2, name="other", seed=1, fold=2, config="a.py")
    assert arm_key(first) == arm_key(second)
    assert arm_key(first) != arm_key(record(config="b.py", seed=0))


def test_order_and_spelling_of_options_do_not_matter():
    turned = dict(reversed(OPTIONS.items())) | {"label_coding": {"b": 2, "a": 1}}
    assert arm_key(record(config="configs/a.py", options=turned)) == key()
    assert key(config="./configs/a.py") == key()
    assert len({key(), key(fold=1), key(fp16=True)}) == 2
