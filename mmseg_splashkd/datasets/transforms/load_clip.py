"""Pipeline transform that loads a frame with those before and after it."""

from typing import Any

import numpy as np
from mmseg.registry import TRANSFORMS

from mmseg_splashkd.datasets.neighbours import CLIP
from mmseg_splashkd.datasets.transforms.load_image_once import LoadImageOnce


@TRANSFORMS.register_module()
class LoadClip(LoadImageOnce):
    """``LoadImageOnce`` of a frame and of the frames before and after it.

    ``img`` becomes (H, W, 3C): the channels of the frame first, then those of the frame
    before and of the frame after. So all later transforms move the three alike, and a
    teacher that was trained on single frames sees the first channels. Requires
    ``img_path``, and ``clip`` as of ``TimeSplitDataset(clip='2s')``.
    """

    def transform(self, results: dict) -> dict | None:
        """Load the three frames.

        Raises:
            ValueError: The sample has no ``clip``, or the frames differ in size.
        """
        if CLIP not in results:
            raise ValueError(
                f"LoadClip of {results['img_path']}: the sample does not name the "
                f"frames around it. Set clip of TimeSplitDataset, such as clip='2s'"
            )
        loaded = super().transform(results)
        if loaded is None:
            return None
        others = [self._other(path, loaded) for path in results[CLIP]]
        frames = [np.atleast_3d(each) for each in (loaded["img"], *others)]
        loaded["img"] = np.concatenate(frames, axis=2)
        return loaded

    def _other(self, path: str, own: dict) -> Any:
        if path == own["img_path"]:
            return own["img"]
        found = super().transform({"img_path": path})
        if found is None or found["img"].shape != own["img"].shape:
            raise ValueError(
                f"{path} cannot be beside {own['img_path']}: a clip needs frames of "
                f"one size and number of channels"
            )
        return found["img"]
