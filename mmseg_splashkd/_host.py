"""The host stack: MMSegmentation and what it stands on, under one of two names."""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import PackageNotFoundError, version

# Distribution of the maintained continuation -> of the original. Both give the same
# import names, so one installed over the other leaves a mixture of files.
STACKS = {
    "onedl-mmcv": "mmcv",
    "onedl-mmengine": "mmengine",
    "onedl-mmsegmentation": "mmsegmentation",
}
INSTALL = "pip install 'mmseg_splashkd[onedl]'"
ORIGINAL = "pip install 'mmseg_splashkd[openmmlab]'"


def _installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def check_host_stack() -> None:
    """Make sure that exactly one complete host stack is installed.

    Raises:
        ImportError: Nothing, only a part, or both stacks are installed.
    """
    continuation = [name for name in STACKS if _installed(name)]
    original = [name for name in STACKS.values() if _installed(name)]
    if continuation and original:
        both = " ".join(continuation + original)
        raise ImportError(
            f"two host stacks are installed over each other: {both}. They share the "
            f"import names mmcv, mmengine and mmseg. Remove both and keep one: "
            f"pip uninstall -y {both} && {INSTALL}"
        )
    found = continuation or original
    wanted = list(STACKS.values()) if original else list(STACKS)
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ImportError(
            f"the host stack lacks {', '.join(missing)}. Install it with: {INSTALL} "
            f"(for the original distributions, torch <= 2.1: {ORIGINAL})"
        )


@contextmanager
def quiet_import() -> Iterator[None]:
    """Import the host without its notes about parts that no config of ours needs.

    One of them advises to install another mmcv, which would double the stack.
    """
    # mmseg imports Albumentations where it is installed, and that asks the network for
    # its newest version on import: a delay without a network, and a note nobody needs.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        missing_ops = "Fail to import ``MultiScaleDeformableAttention``"
        warnings.filterwarnings("ignore", missing_ops, UserWarning)
        yield
