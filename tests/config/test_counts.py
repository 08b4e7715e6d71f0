"""Numbers of iterations, intervals and workers."""

import pytest

from mmseg_splashkd.config.counts import LEAST, check_counts
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.training import check_training
from tests.conftest import PLAIN, tiny_run


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train_cfg.max_iters", 0),
        ("train_cfg.max_iters", -3),
        ("train_cfg.max_iters", 2.5),
        ("train_cfg.val_interval", 0),
        ("train_cfg.val_interval", -1),
        ("train_cfg.val_interval", True),
        ("train_cfg.val_begin", -5),
        ("train_dataloader.num_workers", -1),
        ("val_dataloader.num_workers", "two"),
        ("optim_wrapper.accumulative_counts", 0),
        ("default_hooks.logger.interval", 0),
        ("default_hooks.checkpoint.interval", 0),
        ("default_hooks.checkpoint.interval", -2),
    ],
)
def test_a_number_that_cannot_count_is_refused_by_its_key(pond, key, value):
    cfg = read_config(PLAIN, tiny_run(pond, "model") | {key: value})
    least = LEAST.get(key, 1)
    message = rf"^{key}={value!r} must be an integer of at least {least}"
    with pytest.raises(ValueError, match=message):
        check_training(cfg)


def test_the_helper_variable_of_the_iterations_is_checked_too(pond):
    options = tiny_run(pond, "model")
    options.pop("train_cfg.max_iters")
    cfg = read_config(PLAIN, options | {"max_iters": 0})
    with pytest.raises(ValueError, match=r"^train_cfg\.max_iters=0 must be"):
        check_training(cfg)


def test_the_least_values_and_no_interval_of_checkpoints_pass(pond):
    cfg = read_config(PLAIN, tiny_run(pond, "model"))
    cfg.merge_from_dict({"default_hooks.checkpoint.interval": -1, **LEAST})
    check_counts(cfg)
