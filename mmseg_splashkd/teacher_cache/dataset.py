"""Views that come with what the teacher said of them."""

from typing import Any

import torch
from mmengine.dataset import BaseDataset
from mmengine.structures import PixelData
from mmseg.registry import DATASETS

from mmseg_splashkd.datasets.views import View, ViewDataset
from mmseg_splashkd.teacher_cache.store import LogitStore, digest

FIELD = "teacher_logits"


@DATASETS.register_module()
class CachedLogitsDataset(ViewDataset):
    """``ViewDataset`` whose samples carry the teacher's cached answer.

    ``data_samples.teacher_logits`` is (C', h, w) fp16: logits, or the margin of two
    classes alone. Each view's pixels are compared with those that the teacher saw.

    Args:
        dataset: Config of, or, any mmengine data set.
        answers: Folder of an ``LogitStore``.

    Raises:
        ValueError: The store has another number of frames, or a view is asked for that
            it was not made for.
        RuntimeError: A view's pixels are not those that the teacher saw.
    """

    def __init__(self, dataset: BaseDataset | dict, answers: str) -> None:
        super().__init__(dataset)
        self.answers = answers
        self._store: LogitStore | None = LogitStore(answers)
        frames = self._store.header["shape"][0]
        if frames != len(self):
            raise ValueError(
                f"teacher cache {answers} is for {frames} frames, the data set has "
                f"{len(self)}"
            )

    @property
    def store(self) -> LogitStore:
        """The answers, opened once a process."""
        if self._store is None:
            self._store = LogitStore(self.answers)
        return self._store

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_store": None}  # a pickled map would be a copy of it all

    def _draw(self, view: View | int) -> dict:
        sample = super()._draw(view)
        if not isinstance(view, View):
            return sample
        header = self.store.header
        if view.seed != header["view_seed"] or view.visit >= self.store.views:
            raise ValueError(
                f"view {view.visit} under seed {view.seed} is asked for; the cache "
                f"{self.answers} has views 0 to {self.store.views - 1} under seed "
                f"{header['view_seed']}: set views and view_seed of the sampler by it"
            )
        seen = digest(sample["inputs"])
        answer = torch.from_numpy(self.store.read(view.index, view.visit, seen))
        sample["data_samples"].set_data({FIELD: PixelData(data=answer)})
        return sample
