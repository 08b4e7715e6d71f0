"""Pipeline transforms that draw and pack the maps of grasps."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

from mmseg_splashkd.datasets.grasp_rectangle import draw_maps, read_rectangles


@TRANSFORMS.register_module()
class LoadGraspMaps(BaseTransform):
    """Read the rectangles of a frame, and draw them as four maps of its present size.

    It comes after ``Resize`` and ``RandomFlip``, whose effect on the corners it
    repeats, or right after loading, for maps at the size of the file. Requires
    ``grasp_path`` and ``img``; adds ``grasps``, (N, 4, 2) corners, and
    ``gt_grasp_maps``, (4, H, W) float32 (see ``draw_maps``). A sample without
    ``grasp_path`` (mmseg's inference) passes unchanged.
    """

    def transform(self, results: dict) -> dict:
        """Add corners and maps.

        Raises:
            ValueError: The file cannot be read, or the frame was cropped, padded or
                flipped diagonally.
        """
        if "grasp_path" not in results:
            return results
        corners = read_rectangles(results["grasp_path"])
        size = results["img"].shape[:2]
        scale = np.array(results.get("scale_factor", (1.0, 1.0)))
        resized = np.rint(np.array(results["ori_shape"][::-1]) * scale).astype(int)
        direction = results.get("flip_direction") if results.get("flip") else None
        if tuple(resized[::-1]) != size or direction == "diagonal":
            raise ValueError(
                f"frame {results.get('img_path')} of {results['ori_shape']} became "
                f"{size} by other steps than Resize and RandomFlip (horizontal or "
                f"vertical): remove them, or put them behind LoadGraspMaps"
            )
        corners = (corners + 0.5) * scale - 0.5  # of centres of pixels
        for axis, name in ((0, "horizontal"), (1, "vertical")):
            if direction == name:
                corners[..., axis] = size[1 - axis] - 1 - corners[..., axis]
        results["grasps"] = corners
        results["gt_grasp_maps"] = draw_maps(corners, size)
        return results


@TRANSFORMS.register_module()
class PackGraspInputs(PackSegInputs):
    """``PackSegInputs`` for grasps.

    The maps become ``gt_depth_map`` of the sample, (4, H, W), the field of
    MMSegmentation for dense regression, and the corners ``grasps`` of its metadata,
    where a sample has them.
    """

    def transform(self, results: dict) -> dict:
        """Pack image, maps and corners."""
        packed = super().transform(results)
        if "gt_grasp_maps" not in results:
            return packed
        sample = packed["data_samples"]
        maps = torch.from_numpy(results["gt_grasp_maps"])
        sample.set_data({"gt_depth_map": PixelData(data=maps)})
        sample.set_metainfo({"grasps": results["grasps"]})
        return packed
