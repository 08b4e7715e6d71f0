"""Metric of grasp maps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS

from mmseg_splashkd.datasets.grasp_rectangle import MAPS, best_grasp, is_correct


@METRICS.register_module()
class GraspMetric(BaseMetric):
    """Error of each map, and the share of frames whose best grasp is correct.

    - ``Grasp.success``: percentage of frames whose grasp at the largest position is
      correct by the rectangle metric (see ``is_correct``).
    - ``Grasp.position``: mean absolute error over all pixels of all frames.
    - ``Grasp.cos``, ``Grasp.sin``, ``Grasp.width``: the same over labelled pixels, at
      position 1; elsewhere they have no meaning.
    """

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Compare the predictions of a batch.

        Args:
            data_batch: Not used.
            data_samples: One per frame, with ``pred_depth_map`` and ``gt_depth_map``,
                (4, H, W) each under ``data``, and ``grasps``, (N, 4, 2).

        Raises:
            ValueError: The maps differ in shape.
        """
        for sample in data_samples:
            maps, truth = (
                sample[key]["data"].detach().cpu().numpy()
                for key in ("pred_depth_map", "gt_depth_map")
            )
            if maps.shape != truth.shape:
                raise ValueError(
                    f"predicted maps of {sample.get('img_path')} are {maps.shape}, "
                    f"labelled ones {truth.shape}: in a test pipeline, LoadGraspMaps "
                    f"follows LoadImageFromFile, before Resize"
                )
            errors = np.abs(maps - truth)
            inside = truth[0] > 0
            sums = [errors[0].sum(), *errors[1:, inside].sum(1)]
            correct = is_correct(best_grasp(maps), np.asarray(sample["grasps"]))
            self.results.append((correct, errors[0].size, int(inside.sum()), sums))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Metrics of all frames."""
        correct, pixels, labelled, sums = zip(*results, strict=True)
        counts = np.array([sum(pixels), *[sum(labelled)] * (len(MAPS) - 1)])
        means = np.sum(sums, axis=0) / np.maximum(counts, 1)
        values = (100 * float(np.mean(correct)), *means.tolist())
        names = [f"Grasp.{name}" for name in ("success", *MAPS)]
        return dict(zip(names, values, strict=True))
