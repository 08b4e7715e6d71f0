"""What MMEngine's own reader makes of variables that a file sets for its bases."""

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.plain_reading import check_variables, options_over_file
from mmseg_splashkd.config.variables import read_file

BASE = """
max_iters = 10
train_cfg = dict(max_iters=max_iters, val_interval=5)
model = dict(type="EncoderDecoder")
test_dataloader = dict(dataset=dict(type="BaseSegDataset"))
custom_hooks = [dict(type="ClassesHook"), dict(type="DistillLossHook", priority=3)]
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "base.py").write_text(BASE)
    (tmp_path / "mine.py").write_text('_base_ = "./base.py"\nmax_iters = 3\n')
    return tmp_path / "mine.py"


def test_options_are_what_differs_from_the_file(path):
    cfg = Config.fromfile(path)
    assert options_over_file(cfg) == {}
    given = {
        "train_cfg.val_interval": 7,
        "work_dir": "out",
        "model.backbone.depth": 18,
        "custom_hooks.1.priority": 4,
    }
    cfg.merge_from_dict(given)
    hooks = [{"type": "ClassesHook"}, {"type": "DistillLossHook", "priority": 4}]
    del given["custom_hooks.1.priority"], given["model.backbone.depth"]
    assert options_over_file(cfg) == given | {
        "custom_hooks": hooks,
        "model.backbone": {"depth": 18},
    }


def test_a_config_of_no_file_has_none():
    with pytest.raises(ValueError, match="was read from None: name a file"):
        options_over_file(Config({"model": {}}))


def test_variables_that_mmengine_leaves_behind_are_refused(path):
    with pytest.raises(ValueError, match=r"mine.py sets .*: train_cfg.max_iters are"):
        check_variables(Config.fromfile(path))


def test_variables_that_reach_their_keys_are_accepted(path):
    check_variables(read_file(path))
    check_variables(Config.fromfile(path.with_name("base.py")))
    cfg = Config.fromfile(path)
    cfg.train_cfg.max_iters = 4  # an option names the key itself
    check_variables(cfg)
    check_variables(Config({"max_iters": 3}))
