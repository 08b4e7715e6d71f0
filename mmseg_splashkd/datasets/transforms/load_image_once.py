"""Pipeline transform that decodes every frame once, and keeps it in memory."""

import hashlib
import logging
import os
from pathlib import Path
from typing import Any

from mmcv.transforms import LoadImageFromFile
from mmengine.logging import print_log
from mmseg.registry import TRANSFORMS
from torch.utils.data import get_worker_info

from mmseg_splashkd.datasets.shared_arrays import KEY, SharedArrays


@TRANSFORMS.register_module()
class LoadImageOnce(LoadImageFromFile):
    """``LoadImageFromFile`` that keeps decoded frames in memory, up to a size.

    The pixels are the same. Forked data-loading workers share one memory; workers that
    are started otherwise share the size and decode for themselves. Frames beyond it are
    decoded each time. A file that has changed is read again.

    Args:
        memory_share: Share of the machine's memory that frames may take, in (0, 1); of
            this transform, so that three data sets with one each may take three shares.
        to_float32: Whether pixels become float32 instead of uint8; default False.
        color_type: Channels of a frame: ``'color'`` (BGR), ``'grayscale'`` or
            ``'unchanged'``.
        imdecode_backend: Library that decodes: ``'cv2'``, ``'pillow'``, ``'turbojpeg'``
            or ``'tifffile'``.
        ignore_empty: Whether a file that cannot be read gives None instead of an
            error; default False.

    Raises:
        ValueError: ``memory_share`` is not in (0, 1).
    """

    def __init__(
        self,
        memory_share: float = 0.25,
        to_float32: bool = False,
        color_type: str = "color",
        imdecode_backend: str = "cv2",
        ignore_empty: bool = False,
    ) -> None:
        if isinstance(memory_share, bool) or not 0 < memory_share < 1:
            raise ValueError(
                f"memory_share={memory_share!r} must lie in (0, 1): a share of the "
                f"machine's memory; without a memory take LoadImageFromFile"
            )
        super().__init__(to_float32, color_type, imdecode_backend, None, ignore_empty)
        self.memory_share = memory_share
        # Now, because workers share only what there is when they are forked.
        self._frames: SharedArrays | None = SharedArrays(self._size())
        self._is_full = False

    def transform(self, results: dict) -> dict | None:
        """Add the image to a sample; see ``LoadImageFromFile``."""
        key = _key(results["img_path"])
        image = None if key is None else self.frames.get(key)
        if image is not None:
            results["img"] = image
            results["img_shape"] = results["ori_shape"] = image.shape[:2]
            return results
        loaded = super().transform(results)
        if key is not None and loaded is not None:
            self._keep(key, loaded["img"])
        return loaded

    @property
    def frames(self) -> SharedArrays:
        """The frames in memory, opened once in each process that was not forked."""
        if self._frames is None:
            worker = get_worker_info()
            self._frames = SharedArrays(
                self._size() // (worker.num_workers if worker else 1)
            )
        return self._frames

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_frames": None}  # memory is not copied

    def _size(self) -> int:
        return int(self.memory_share * total_memory())

    def _keep(self, key: bytes, image: Any) -> None:
        if self.frames.add(key, image) or self._is_full:
            return
        self._is_full = True
        print_log(
            f"LoadImageOnce: memory_share={self.memory_share} "
            f"({self._size() / 2**20:,.0f} MiB) is full; further frames are decoded "
            f"each time",
            logger="current",
            level=logging.WARNING,
        )


def total_memory() -> int:
    """Memory of the machine in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _key(path: str) -> bytes | None:
    """Path, size and time of a file as 16 bytes; None where it is no local file."""
    try:
        about = Path(path).stat()
    except OSError:
        return None
    text = f"{about.st_size} {about.st_mtime_ns} {path}"
    return hashlib.blake2b(text.encode(), digest_size=KEY).digest()
