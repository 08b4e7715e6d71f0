"""Pipeline transform that appends the channels of a second file to a frame."""

from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_splashkd.datasets.image_file import read_as_training


@TRANSFORMS.register_module()
class AppendImage(BaseTransform):
    """Append a second file of the same scene, such as depth, to ``img`` as channels.

    It follows ``LoadImageFromFile``, so that all later transforms move both alike.
    Channels and bits of the second file are read as stored. Where the two types differ,
    ``img`` becomes float32, with the values of both unchanged. Requires ``img`` and
    ``img_path``; changes ``img`` to (H, W, C + C').

    Args:
        folders: Name of a folder in the path of the frame, and that of the second file
            in its place; of several folders of that name, the innermost is replaced.
            Default ``("images", "depth")``.
        suffix: Suffix of the second file; default ``".png"``.
        channels: Number of channels that the second file must have, >= 1; default 1.

    Raises:
        ValueError: ``folders`` are not two names, or ``channels`` is below 1.
    """

    def __init__(
        self,
        folders: Sequence[str] = ("images", "depth"),
        suffix: str = ".png",
        channels: int = 1,
    ) -> None:
        if len(folders) != 2 or not all(isinstance(name, str) for name in folders):
            raise ValueError(
                f"folders must be two names, as in ('images', 'depth'); got {folders!r}"
            )
        if type(channels) is not int or channels < 1:
            raise ValueError(f"channels must be an integer >= 1, got {channels!r}")
        self.folders = tuple(folders)
        self.suffix = suffix
        self.channels = channels

    def transform(self, results: dict) -> dict:
        """Append the file.

        Raises:
            ValueError: The frame lies in no such folder, or the second file is missing,
                cannot be read, or has another size or number of channels.
        """
        path = self._second(results["img_path"])
        frame, other = np.atleast_3d(results["img"]), read_as_training(path, True)
        if other.shape != (*frame.shape[:2], self.channels):
            raise ValueError(
                f"{path} is {_layout(other)}, expected {self.channels} channels of the "
                f"size of its frame {results['img_path']}, {_layout(frame)}: set "
                f"channels of AppendImage, or resize the file"
            )
        if other.dtype != frame.dtype:
            frame, other = frame.astype(np.float32), other.astype(np.float32)
        results["img"] = np.concatenate([frame, other], axis=2)
        return results

    def _second(self, frame: str) -> str:
        path = PurePath(frame).with_suffix(self.suffix)
        parts, (old, new) = list(path.parts), self.folders
        if old not in parts[:-1]:
            raise ValueError(
                f"frame {frame} lies in no folder {old!r}: give AppendImage "
                f"folders=(folder of the frames, folder of the second files)"
            )
        innermost = len(parts) - 2 - parts[-2::-1].index(old)
        parts[innermost] = new
        return str(PurePath(*parts))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(folders={self.folders}, suffix={self.suffix!r}, "
            f"channels={self.channels})"
        )


def _layout(pixels: np.ndarray) -> str:
    height, width, channels = pixels.shape
    return f"{width}x{height} with {channels} channels"
