"""A trained network on whole frames, without a run around it."""

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS

from mmseg_splashkd.adaptation.config_file import frames_of_table
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


def frames_of(cfg: Config, part: str) -> Any:
    """Data loader of the whole frames of a part, in their order.

    Args:
        cfg: Config.
        part: ``'val'`` or ``'test'``.
    """
    return Runner.build_dataloader(cfg[f"{part}_dataloader"])


def frames_of_target(cfg: Config, table: Path) -> Any:
    """Data loader of the whole frames of a target, in their order, one at a time.

    Args:
        cfg: Config of a segmentor, which reads them as its validation part.
        table: Split table of the frames, all in the training part.
    """
    dataset = frames_of_table(cfg, table, "all")
    options = {"batch_size": 1, "drop_last": False, "dataset": dataset}
    return Runner.build_dataloader({**cfg.val_dataloader, **options})
