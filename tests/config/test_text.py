import hashlib

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.text import config_sha256, config_text
from tests.conftest import CONFIGS

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


def test_classes_in_a_config_are_written_by_mmengine():
    text = config_text(Config({"model": {"type": dict}}))
    assert "<class" not in text


def test_hash_is_that_of_the_text():
    cfg = Config({"a": "ä", "b": (1, 2)})
    text = config_text(cfg).encode()
    assert config_sha256(cfg) == hashlib.sha256(text).hexdigest()
    assert config_sha256(Config({"a": "ä", "b": [1, 2]})) != config_sha256(cfg)
