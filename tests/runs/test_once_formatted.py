import copy
from typing import Any

import yapf.yapflib.yapf_api
from mmengine.config import Config

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.runs import once_formatted as module
from mmseg_splashkd.runs.once_formatted import OnceFormattedConfig
from mmseg_splashkd.runs.train import train
from tests.conftest import PLAIN, tiny_run


def test_the_text_is_mmengine_s_and_follows_changes():
    cfg = read_config(PLAIN)
    once = OnceFormattedConfig.of(cfg)
    assert once.pretty_text == cfg.pretty_text
    assert once.filename == cfg.filename
    other = copy.deepcopy(once)
    other.model.decode_head.channels = 7
    assert "channels=7" in other.pretty_text
    assert "channels=7" not in once.pretty_text
    cfg.optim_wrapper.optimizer.lr = 0.25  # shared
    assert once.pretty_text == cfg.pretty_text


def test_a_config_that_is_no_list_of_assignments_or_not_formatted():
    for cfg in (
        Config({"a b": 1}),
        Config({"c": 2}, format_python_code=False),
    ):
        assert OnceFormattedConfig.of(cfg).pretty_text == cfg.pretty_text


def test_few_texts_are_kept(monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    monkeypatch.setattr(OnceFormattedConfig, "_texts", {})
    for number in range(5):
        cfg = OnceFormattedConfig.of(Config({"a": number, "b": 0}))
        assert cfg.pretty_text == f"a = {number}\nb = 0\n"
        assert len(OnceFormattedConfig._texts) <= 2


def test_a_run_formats_each_value_once(pond, tmp_path, monkeypatch):
    """Not again with what mmengine adds to the config, nor at checkpoints."""
    formatted: list[str] = []
    api = yapf.yapflib.yapf_api
    format_code = api.FormatCode

    def noted(text: str, **style: Any) -> Any:
        formatted.append(text)
        return format_code(text, **style)

    monkeypatch.setattr(api, "FormatCode", noted)
    monkeypatch.setattr(OnceFormattedConfig, "_texts", {})
    options = tiny_run(pond, "model") | {"default_hooks.checkpoint.interval": 1}
    train(PLAIN, tmp_path, cfg_options=options)
    assert (tmp_path / "iter_2.pth").is_file()
    assert formatted
    assert len(formatted) == len(set(formatted))
