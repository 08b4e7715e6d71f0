"""Checks that MMSegmentation, mmengine and mmcv are installed, as one distribution."""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import PackageNotFoundError, version

# Maintained distribution -> original one. Both have the same import names, so
# installing one over the other leaves a mixture of files.
STACKS = {
    "onedl-mmcv": "mmcv",
    "onedl-mmengine": "mmengine",
    "onedl-mmsegmentation": "mmsegmentation",
}
INSTALL = "pip install -e '.[onedl]'"
ORIGINAL = "pip install -e '.[openmmlab]'"


def _installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def check_host_stack() -> None:
    """Check that either the maintained or the original packages are installed.

    Raises:
        ImportError: None, only some, or packages of both are installed.
    """
    maintained = [name for name in STACKS if _installed(name)]
    original = [name for name in STACKS.values() if _installed(name)]
    if maintained and original:
        both = " ".join(maintained + original)
        raise ImportError(
            f"two distributions of MMSegmentation are installed over each other: "
            f"{both}. They share the import names mmcv, mmengine and mmseg. Remove "
            f"both and install one: pip uninstall -y {both} && {INSTALL}"
        )
    installed = maintained or original
    required = list(STACKS.values()) if original else list(STACKS)
    missing = [name for name in required if name not in installed]
    if missing:
        raise ImportError(
            f"MMSegmentation needs {', '.join(missing)}. Install it with: {INSTALL} "
            f"(for the original distributions, torch <= 2.1: {ORIGINAL})"
        )


@contextmanager
def quiet_import() -> Iterator[None]:
    """Import MMSegmentation without its messages about optional parts.

    One of them recommends to install another mmcv over the installed one.
    """
    # mmseg imports Albumentations if it is installed, which queries the network for its
    # newest version: a delay without a network, and an irrelevant message.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        missing_ops = "Fail to import ``MultiScaleDeformableAttention``"
        warnings.filterwarnings("ignore", missing_ops, UserWarning)
        yield
