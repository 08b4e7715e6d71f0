"""Images with files of grasp rectangles."""

from typing import Any, ClassVar

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_splashkd.datasets.grasp_rectangle import MAPS


@DATASETS.register_module()
class GraspDataset(BaseSegDataset):
    """Images, and beside each a text file of grasp rectangles.

    ``data_prefix`` names the folder of the images as ``img_path`` and that of the text
    files as ``grasp_path``. The samples have ``grasp_path``, which ``LoadGraspMaps``
    reads; they have no label map of classes.

    Args:
        img_suffix: Suffix of the images; default ``".png"``.
        grasp_suffix: Suffix of the text files; default ``".txt"``.
        data_prefix: Folders of both; default ``images`` and ``grasps``.
        **kwargs: Other arguments of ``BaseSegDataset``.
    """

    METAINFO: ClassVar[dict] = {"classes": MAPS}

    def __init__(
        self,
        img_suffix: str = ".png",
        grasp_suffix: str = ".txt",
        data_prefix: dict | None = None,
        **kwargs: Any,
    ) -> None:
        folders = {"img_path": "images", "grasp_path": "grasps", **(data_prefix or {})}
        folders["seg_map_path"] = folders.pop("grasp_path")
        super().__init__(
            img_suffix=img_suffix,
            seg_map_suffix=grasp_suffix,
            data_prefix=folders,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """Samples with ``img_path`` and ``grasp_path``."""
        samples = super().load_data_list()
        for sample in samples:
            sample["grasp_path"] = sample.pop("seg_map_path")
        return samples
