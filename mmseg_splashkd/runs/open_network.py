"""A trained network, without a run around it."""

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_splashkd.checkpoint import find_checkpoint, load_strict, read_checkpoint
from mmseg_splashkd.config.walk import plain_model
from mmseg_splashkd.models.foreign_weights import safe_files


def open_network(cfg: Config, weights: str | Path) -> Any:
    """Build the segmentor of a config with trained weights, in the mode of tests.

    Args:
        cfg: Config; of a distillation or an adaptation, the student is built.
        weights: ``.safetensors`` file or checkpoint, or a pattern that fits one.

    Raises:
        FileNotFoundError: The file does not exist.
        RuntimeError: The weights do not fit the config.
        ValueError: The file is damaged or holds code.
    """
    init_default_scope(cfg.get("default_scope", "mmseg"))
    with safe_files(plain_model(cfg.model)) as safe:
        network = MODELS.build(safe)
    file = find_checkpoint(str(weights))
    load_strict(network, read_checkpoint(file)["state_dict"], f"weights {file}")
    return network.eval()
