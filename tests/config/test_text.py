import hashlib

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.text import config_text, text_sha256
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.models import DistillSegmentor
from mmseg_splashkd.models.losses import KLDLoss
from tests.conftest import CONFIGS

SOME = ("demo/segformer_b0_kd_pe001_pond.py", "kd/pspnet_r50_kd.py", "farm/farm_b0.py")


@pytest.mark.parametrize("name", SOME)
def test_text_of_a_config_reproduces_it(name):
    cfg = read_config(CONFIGS / name)
    again = Config.fromstring(config_text(cfg), ".py")
    assert again.to_dict() == cfg.to_dict()


def test_keys_that_are_numbers_stay_numbers():
    values = {"label_coding": {"gray_to_train_id": {0: 0, 255: 1}}, "size": (1, 2)}
    again = Config.fromstring(config_text(Config(values)), ".py")
    assert again.to_dict() == values


def test_classes_become_names_that_registries_resolve():
    cfg = Config({"model": {"type": DistillSegmentor, "losses": [{"type": KLDLoss}]}})
    again = Config.fromstring(config_text(cfg), ".py")
    assert isinstance(again.model.type, str)
    assert is_a(again.model, DistillSegmentor)
    assert is_a(again.model.losses[0], KLDLoss)


def test_hash_is_that_of_the_text():
    cfg = Config({"a": "ä", "b": (1, 2)})
    text = config_text(cfg)
    other = config_text(Config({"a": "ä", "b": [1, 2]}))
    assert text_sha256(text) == hashlib.sha256(text.encode()).hexdigest()
    assert text_sha256(other) != text_sha256(text)
