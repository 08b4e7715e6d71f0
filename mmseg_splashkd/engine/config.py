"""Reading a config, and refusing early what would fail late."""

from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.datasets.splits import LAYOUT
from mmseg_splashkd.engine.devices import check_devices

DISTILLER = "DistillSegmentor"
LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


def read_config(path: str | Path, options: dict[str, Any] | None = None) -> Config:
    """Read a config file and override some of its keys.

    Args:
        path: The file.
        options: Dotted keys, as ``--cfg-options`` gives them. ``data_root`` moves
            every data set of the config.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"config {path} does not exist; see configs/README.md")
    cfg = Config.fromfile(str(path))
    cfg.merge_from_dict(options or {})
    if "data_root" in (options or {}):
        for loader in LOADERS:
            _dataset_of(cfg, loader).data_root = cfg.data_root
    return cfg


def check_training(cfg: Config) -> None:
    """Refuse a training run that cannot work, before anything is built.

    Raises:
        FileNotFoundError: A data root or the teacher's file is missing.
        ValueError: The teacher's file is not named, or a GPU is asked for in vain.
    """
    check_devices(cfg)
    check_data_root(cfg, "train_dataloader", "val_dataloader")
    if cfg.model.type == DISTILLER:
        find_checkpoint(cfg.model.get("teacher_checkpoint"), "teacher_checkpoint")


def check_data_root(cfg: Config, *loaders: str) -> None:
    """Make sure that the data of some loaders is where the config says.

    Raises:
        FileNotFoundError: It is not.
    """
    for loader in loaders:
        dataset = _dataset_of(cfg, loader)
        root = dataset.get("data_root")
        if root is not None and not Path(root).is_dir():
            layout = LAYOUT if dataset.type == "TimeSplitDataset" else ""
            raise FileNotFoundError(
                f"data_root={root!r} of {loader} does not exist (seen from "
                f"{Path.cwd()}). {layout}"
            )


def _dataset_of(cfg: Config, loader: str) -> ConfigDict:
    dataset = cfg[loader].dataset
    return dataset.dataset if dataset.type == "ViewDataset" else dataset


def plain_model(model: dict) -> dict:
    """The student's config of a distillation, any other model's as it is."""
    return model["student"] if model["type"] == DISTILLER else model
