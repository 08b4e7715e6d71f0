"""Loading of gray-coded labels."""

from collections.abc import Mapping

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_splashkd.datasets.label_coding import (
    IGNORE,
    check_table,
    read_gray,
    to_train_ids,
)


@TRANSFORMS.register_module()
class LoadGrayLabels(BaseTransform):
    """Load a label, and refuse values its table does not know.

    The host's ``LoadAnnotations`` leaves an unmapped value as it is, where it counts as
    a class or reads past the logits. Needs ``seg_map_path`` and ``seg_fields``; adds
    ``gt_seg_map``, (H, W) uint8 trainIds. A sample without ``seg_map_path`` is a frame
    alone, as mmseg's inference gives it, and passes unchanged; where its data set says
    ``ignore_missing_label``, it gets a label that is ignored (255) everywhere.

    Args:
        gray_to_train_id: Gray value -> trainId, 255 to ignore. By default the table of
            the data set (``label_map`` of the sample), which ``TimeSplitDataset`` has.
    """

    def __init__(self, gray_to_train_id: Mapping[int, int] | None = None) -> None:
        self.gray_to_train_id = (
            None if gray_to_train_id is None else check_table(gray_to_train_id, IGNORE)
        )

    def transform(self, results: dict) -> dict:
        """Add the label to a sample.

        Raises:
            ValueError: There is no table, or the label cannot be read, is no
                one-channel 8-bit or 16-bit map, or has a value outside the table.
        """
        if "seg_map_path" not in results:
            if results.get("ignore_missing_label"):
                nothing = np.full(results["img"].shape[:2], IGNORE, np.uint8)
                results["gt_seg_map"] = nothing
                results["seg_fields"].append("gt_seg_map")
            return results
        path, table, unknown = results["seg_map_path"], self.gray_to_train_id, None
        if table is None:
            table, unknown = results.get("label_map"), results.get("unknown_label")
        if table is None:
            raise ValueError("the data set has no label_map: give gray_to_train_id")
        results["gt_seg_map"] = to_train_ids(read_gray(path), table, path, unknown)
        results["seg_fields"].append("gt_seg_map")
        return results
