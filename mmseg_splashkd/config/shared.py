"""Arguments that all data sets of a config share, set once at the top level."""

from pathlib import Path

from mmengine.config import Config

from mmseg_splashkd.config.chain import names_set
from mmseg_splashkd.config.keys import SHARED
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import loader_leaves
from mmseg_splashkd.datasets.time_split import TimeSplitDataset


def check_one_root(cfg: Config, path: str | Path) -> None:
    """Refuse to give one root to data sets that the file gives several.

    Args:
        cfg: Config as its file defines it, without options.
        path: The config file, for errors.

    Raises:
        ValueError: The data sets have different roots.
    """
    roots = {str(leaf.get("data_root")) for leaf in loader_leaves(cfg)} - {"None"}
    if len(roots) > 1:
        raise ValueError(
            f"--cfg-options data_root: the data sets of {path} read different roots, "
            f"{', '.join(sorted(roots))}; set each in the file, or by its key in full, "
            f"such as train_dataloader.dataset.data_root"
        )


def share(cfg: Config, key: str, path: str | Path) -> None:
    """Set an option for every data set, inside wrappers too, that takes it.

    Args:
        cfg: Config with the key; its data sets are changed in place.
        key: One of ``SHARED``.
        path: The config file, for errors.

    Raises:
        ValueError: No data set takes it.
    """
    found = _taking(cfg, key)
    if not found:
        raise ValueError(
            f"--cfg-options {key}: no data set of {path} is a TimeSplitDataset, which "
            f"takes it; give a key of a data set in full, such as "
            f"train_dataloader.dataset.ann_file"
        )
    for leaf in found:
        leaf[key] = cfg[key]


def check_shared(cfg: Config, path: str | Path) -> None:
    """Check that what a config sets for all data sets is used by one at least.

    A base's own value that a later file replaces in every loader is accepted.

    Raises:
        ValueError: All data sets that take a key have another value.
    """
    for key in sorted(SHARED & cfg.keys() & (names_set(path) | {"data_root"})):
        value, found = cfg[key], _taking(cfg, key)
        if key == "data_root" and value is None:
            continue
        held = [leaf.get(key) for leaf in found]
        if found and not any(_same(value, each) for each in held):
            raise ValueError(
                f"{path} sets {key}={value!r}, which none of its data sets uses: they "
                f"have {held[0]!r}. Use --cfg-options {key}={value}, or set it in all "
                f"loaders"
            )


def _taking(cfg: Config, key: str) -> list:
    found = list(loader_leaves(cfg))
    if key == "data_root":
        return found
    return [leaf for leaf in found if is_a(leaf, TimeSplitDataset)]


def _same(one: object, other: object) -> bool:
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return list(one) == list(other)
    return one == other or (not one and not other)
