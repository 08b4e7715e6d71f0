"""Checks that a config can be trained, before anything is built."""

from pathlib import Path

from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.devices import check_devices
from mmseg_splashkd.config.head_check import check_heads
from mmseg_splashkd.config.loop_check import check_loops
from mmseg_splashkd.config.types import distills, is_a
from mmseg_splashkd.config.walk import dataset_of
from mmseg_splashkd.datasets.frames import LAYOUT
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.models.teacher.teacher import as_list


def check_training(cfg: Config) -> None:
    """Check that a config can be trained, before anything is built.

    Raises:
        FileNotFoundError: A data root, ``load_from`` or the teacher's file is missing.
        ValueError: The config has no training loader, its loop, sampler, schedules and
            checkpoints do not fit, a loss does not fit its head, the teacher's file is
            not named, or a GPU is required and there is none.
    """
    if not cfg.get("train_dataloader"):
        raise ValueError("the config has no train_dataloader: it can only be tested")
    check_loops(cfg)
    check_heads(cfg)
    check_devices(cfg)
    check_data_root(cfg, "train_dataloader", "val_dataloader")
    if cfg.get("load_from"):
        find_checkpoint(cfg.load_from, "load_from")
    if distills(cfg):
        _check_modulation(cfg)
        for pattern in as_list(cfg.model.get("teacher_checkpoint")):
            find_checkpoint(pattern, "teacher_checkpoint")


def _check_modulation(cfg: Config) -> None:
    """Refuse batches without labelled frames, for which the modulation m would be 0."""
    loader, loss = cfg.train_dataloader, cfg.model.distill_loss
    share = loader.sampler.get("unlabelled_share")
    modulated = loss.get("modulate", "kd") != "none"
    if share and modulated and loader.batch_size * (1 - share) < 1:
        raise ValueError(
            f"unlabelled_share={share} leaves some batches of {loader.batch_size} "
            f"without a label, where modulate={loss.get('modulate', 'kd')!r} sets the "
            f"distillation loss to 0: use a larger batch, a smaller share, or 'none'"
        )


def check_data_root(cfg: Config, *loaders: str) -> None:
    """Check that the data of some loaders exist.

    Raises:
        FileNotFoundError: A root does not exist or lacks frames.
    """
    for loader in filter(cfg.get, loaders):
        dataset = dataset_of(cfg, loader)
        root = dataset.get("data_root")
        if root is None:
            continue
        if is_a(dataset, TimeSplitDataset):
            found, layout = Path(root).is_dir(), LAYOUT
        else:
            folders = [Path(root, folder) for folder in dataset.data_prefix.values()]
            found = all(path.is_dir() and any(path.iterdir()) for path in folders)
            layout = "Expected layout: files in " + " and ".join(map(str, folders))
        if not found:
            raise FileNotFoundError(
                f"data_root={root!r} of {loader} does not exist or lacks frames "
                f"(relative to {Path.cwd()}); set it by --cfg-options "
                f"data_root=PATH. {layout}"
            )
