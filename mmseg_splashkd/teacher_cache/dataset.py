"""Views with the teacher's cached logits."""

from typing import Any

import torch
from mmengine.dataset import BaseDataset
from mmengine.structures import PixelData
from mmseg.registry import DATASETS

from mmseg_splashkd.datasets.views import View, ViewDataset
from mmseg_splashkd.teacher_cache.store import LogitStore, pixel_checksum

FIELD = "teacher_logits"


# The second name is the former one, which occurs in configs dumped by older runs.
@DATASETS.register_module(name=["CachedLogitsDataset", "AnsweredViewDataset"])
class CachedLogitsDataset(ViewDataset):
    """``ViewDataset`` that adds the teacher's cached logits to its samples.

    ``data_samples.teacher_logits`` is (C', h, w) in fp16: logits, or the margin
    z1 - z0 of two classes. The pixels of each view are compared with the checksum of
    those that the teacher was run on.

    Args:
        dataset: Any mmengine data set, or its config.
        cache_dir: Folder of a ``LogitStore``.
        keep_views: Memory in MiB, above 0, for views that stay loaded in each process;
            default None: none stays.

    Raises:
        ValueError: The store has another number of frames, or a view is drawn that the
            store does not cover.
        RuntimeError: A view has other pixels than when it was cached.
    """

    def __init__(
        self,
        dataset: BaseDataset | dict,
        cache_dir: str,
        keep_views: float | None = None,
    ) -> None:
        super().__init__(dataset, keep_views)
        self.cache_dir = cache_dir
        self._store: LogitStore | None = LogitStore(cache_dir)
        frames = self._store.header["shape"][0]
        if frames != len(self):
            raise ValueError(
                f"teacher cache {cache_dir} has {frames} frames, the data set has "
                f"{len(self)}: build a cache for this data set"
            )

    @property
    def store(self) -> LogitStore:
        """The store, opened once in each process."""
        if self._store is None:
            self._store = LogitStore(self.cache_dir)
        return self._store

    def __getstate__(self) -> dict[str, Any]:
        # A pickled memory map would be a copy of the whole file.
        return vars(self) | {"_store": None}

    def _draw(self, view: View | int) -> dict:
        sample = super()._draw(view)
        if not isinstance(view, View):
            return sample
        header = self.store.header
        if view.seed != header["view_seed"] or view.visit >= self.store.views:
            raise ValueError(
                f"the sampler draws view {view.visit} with seed {view.seed}, teacher "
                f"cache {self.cache_dir} has views 0 to {self.store.views - 1} with "
                f"seed {header['view_seed']}: set views and view_seed of the sampler "
                f"accordingly"
            )
        checksum = pixel_checksum(sample["inputs"])
        logits = torch.from_numpy(self.store.read(view.index, view.visit, checksum))
        sample["data_samples"].set_data({FIELD: PixelData(data=logits)})
        return sample
