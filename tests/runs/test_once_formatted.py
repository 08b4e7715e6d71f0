import copy
from typing import Any

import yapf.yapflib.yapf_api

from mmseg_splashkd.config.reading import read_config
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


def test_a_run_formats_its_config_twice(pond, tmp_path, monkeypatch):
    """Once as it is, and once with what mmengine adds to it; not at checkpoints."""
    calls: list[int] = []
    module = yapf.yapflib.yapf_api
    format_code = module.FormatCode

    def counted(text: str, **style: Any) -> Any:
        calls.append(len(text))
        return format_code(text, **style)

    monkeypatch.setattr(module, "FormatCode", counted)
    options = tiny_run(pond, "model") | {"default_hooks.checkpoint.interval": 1}
    train(PLAIN, tmp_path, cfg_options=options)
    assert (tmp_path / "iter_2.pth").is_file()
    assert len(calls) <= 2
