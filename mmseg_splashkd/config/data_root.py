"""Checks that the data of a config exist."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import leaves
from mmseg_splashkd.datasets.frames import LAYOUT
from mmseg_splashkd.datasets.time_split import TimeSplitDataset


def check_data_root(cfg: Config, *loaders: str) -> None:
    """Check that the data of some loaders exist.

    Every data set inside wrappers is checked. Data that are read through a file backend
    (``backend_args``, or a root such as ``s3://bucket``) are not.

    Raises:
        FileNotFoundError: A root does not exist or lacks frames.
    """
    for loader in filter(cfg.get, loaders):
        for leaf in leaves(cfg[loader].dataset):
            root = leaf.get("data_root")
            remote = leaf.get("backend_args") or "://" in str(root)
            if root is not None and not remote:
                _check(leaf, Path(root), loader)


def _check(leaf: Mapping[str, Any], root: Path, loader: str) -> None:
    if is_a(leaf, TimeSplitDataset):
        found, layout = root.is_dir(), LAYOUT
    else:
        # Without prefixes, the class knows where in the root its files lie.
        prefixes = (leaf.get("data_prefix") or {"img_path": ""}).values()
        folders = [root / prefix for prefix in prefixes if isinstance(prefix, str)]
        found = all(path.is_dir() and any(path.iterdir()) for path in folders)
        layout = "Expected layout: files in " + " and ".join(map(str, folders))
    if not found:
        raise FileNotFoundError(
            f"data_root={str(leaf['data_root'])!r} of {loader} does not exist or lacks "
            f"frames (relative to {Path.cwd()}); set it by --cfg-options "
            f"data_root=PATH. {layout}"
        )
