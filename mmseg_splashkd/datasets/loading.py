"""Loading of gray-coded labels."""

from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from mmseg_splashkd.datasets.label_maps import read_gray, to_train_ids


@TRANSFORMS.register_module()
class LoadGrayLabels(LoadAnnotations):
    """``LoadAnnotations`` that refuses values its table does not know.

    The host leaves an unmapped value as it is, where it counts as a class or reads
    past the logits. Needs ``seg_map_path`` and ``label_map`` (gray value -> trainId);
    adds ``gt_seg_map``, (H, W) uint8 trainIds.
    """

    def _load_seg_map(self, results: dict) -> None:
        path = results["seg_map_path"]
        gray = read_gray(path)
        results["gt_seg_map"] = to_train_ids(gray, results["label_map"], path)
        results["seg_fields"].append("gt_seg_map")
