"""tools/convert_weights.py writes trained weights as a folder of transformers."""

import json
from pathlib import Path

import pytest
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_splashkd.checkpoint import write_weights
from tests.conftest import DISTILLED, PLAIN, tiny
from tests.tools import run_tool

pytest.importorskip("transformers")


def weights(folder: Path, meta: dict) -> Path:
    """Random weights of the plain student of tiny size."""
    cfg = Config.fromfile(PLAIN)
    cfg.merge_from_dict(tiny("model"))
    path = folder / "w.safetensors"
    write_weights(MODELS.build(cfg.model).state_dict(), path, meta)
    return path


def words(**options: object) -> list[str]:
    return [f"{key}={json.dumps(value)}" for key, value in options.items()]


@pytest.mark.parametrize("config", [PLAIN, DISTILLED], ids=lambda path: path.stem)
def test_the_encoder_of_a_run(config, tmp_path, capsys):
    model = "model" if config is PLAIN else "model.student"
    path = weights(tmp_path, {})
    options = words(**tiny(model))
    if config is DISTILLED:  # the student has the embedding, which has no weights
        options += words(**tiny("model.teacher"))
    out = tmp_path / "hub"
    call = [config, path, "--out", out, "--part", "encoder", "--cfg-options", *options]
    run_tool("convert_weights.py", *call)
    assert f"Folder of transformers: {out}" in capsys.readouterr().out
    files = {file.name for file in out.iterdir()}
    assert files == {"config.json", "model.safetensors", "preprocessor_config.json"}
    about = json.loads((out / "preprocessor_config.json").read_text())
    height, width = about["size"]["height"], about["size"]["width"]
    assert (about["do_resize"], height, width) == (True, 128, 192)


def test_a_head_of_mmsegmentation_is_refused(tmp_path):
    call = [PLAIN, weights(tmp_path, {}), "--out", tmp_path / "hub", "--cfg-options"]
    with pytest.raises(SystemExit) as ended:
        run_tool("convert_weights.py", *call, *words(**tiny("model")))
    message = str(ended.value.code)
    assert "cannot convert the weights" in message
    assert "SegformerHead applies batch norm and ReLU to each stage" in message
