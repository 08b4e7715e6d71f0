"""IoU, Dice and accuracy of a set of frames, unrounded and by class."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.registry import METRICS
from PIL import Image
from prettytable import PrettyTable
from torch import Tensor

from mmseg_splashkd.datasets.label_coding import load_label_coding
from mmseg_splashkd.datasets.mask_coding import MASK_CODINGS, code_mask
from mmseg_splashkd.evaluation.areas import (
    frame_areas,
    frame_dice,
    scores,
    stack_frames,
)
from mmseg_splashkd.evaluation.frame_files import FrameFiles
from mmseg_splashkd.files import whole_file


@METRICS.register_module()
class DiceMetric(BaseMetric):
    """Scores in percent, [0, 100], unrounded.

    ``mIoU``, ``mDice``, ``mAcc`` and ``aAcc`` pool the pixels of all frames;
    ``mFrameDice`` averages Dice over frames first, then over classes, so that all
    frames have equal weight. All except ``aAcc`` are also given by class, such as
    ``Dice.splash``. NaN marks a class that is absent from all frames: see
    ``evaluation.areas.Scores`` and ``evaluation.areas.frame_dice``.

    Args:
        ignore_index: Label of ignored pixels; default 255.
        output_dir: Folder for the predictions, one PNG per frame, named by its stem, or
            ``<recording>/<stem>`` in ``tools/test.py``; default None: not written.
        output_coding: Pixel values of the predictions: ``'train_ids'`` (default),
            ``'gray'`` (the gray values of the data set) or ``'colour'`` (its palette).
        label_coding: Label coding of the data set; required unless ``'train_ids'``.
        collect_device: Device on which processes exchange results, ``'cpu'`` (default)
            or ``'gpu'``.
        prefix: Prefix of the names of the scores, followed by a slash.

    Raises:
        ValueError: ``output_coding`` is unknown, or ``label_coding`` is missing or
            invalid.
    """

    def __init__(
        self,
        ignore_index: int = 255,
        output_dir: str | None = None,
        output_coding: str = "train_ids",
        label_coding: str | Mapping[str, Any] | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.ignore_index = ignore_index
        self.files = None if output_dir is None else FrameFiles(output_dir)
        if output_coding not in MASK_CODINGS:
            raise ValueError(
                f"output_coding={output_coding!r} is not one of {MASK_CODINGS}"
            )
        if output_coding != "train_ids" and label_coding is None:
            raise ValueError(f"output_coding={output_coding!r} needs label_coding")
        self.output_coding = output_coding
        self.coding = None if label_coding is None else load_label_coding(label_coding)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of each frame.

        Args:
            data_batch: Unused.
            data_samples: One per frame, with ``pred_sem_seg`` and ``gt_sem_seg``, each
                (1, H, W) under ``data``, and ``img_path`` if predictions are written.

        Raises:
            ValueError: A frame's shapes differ or a value is not a class.
        """
        num_classes = len(self._classes())
        for sample in data_samples:
            pred = sample["pred_sem_seg"]["data"].squeeze(0)
            label = sample["gt_sem_seg"]["data"].squeeze(0).to(pred.device)
            # One row per frame: mmengine drops the frames that pad the last batch of
            # several processes by cutting the rows at the size of the data set.
            row = frame_areas(pred, label, num_classes, self.ignore_index)
            self.results.append(row.cpu())
            if self.files is not None:
                with whole_file(self.files.path_of(sample["img_path"])) as partial:
                    Image.fromarray(self._coded(pred)).save(partial)

    def compute_metrics(self, results: list[Tensor]) -> dict[str, float]:
        """Score all frames and log a table of the classes.

        Args:
            results: (3, C) areas, one per frame.

        Returns:
            Name of the score -> percent.

        Raises:
            ValueError: No frame was processed.
        """
        areas = stack_frames(results)
        pooled = scores(areas.sum(0))
        by_frame = frame_dice(areas).nanmean(0)
        by_class = {
            "IoU": (100 * pooled.iou).tolist(),
            "Dice": (100 * pooled.dice).tolist(),
            "Acc": (100 * pooled.accuracy).tolist(),
            "FrameDice": (100 * by_frame).tolist(),
        }
        self._log_table(by_class)
        means = {
            "mIoU": pooled.mean_iou,
            "mDice": pooled.mean_dice,
            "mAcc": pooled.mean_accuracy,
            "aAcc": pooled.pixel_accuracy,
            "mFrameDice": by_frame.nanmean(),
        }
        return {name: 100 * mean.item() for name, mean in means.items()} | {
            f"{name}.{label}": value
            for name, values in by_class.items()
            for label, value in zip(self._classes(), values, strict=True)
        }

    def _coded(self, pred: Tensor) -> np.ndarray:
        return code_mask(pred.byte().cpu().numpy(), self.output_coding, self.coding)

    def _classes(self) -> Sequence[str]:
        if self.dataset_meta is None:
            raise ValueError(
                "dataset_meta is None: set it to dict(classes=(...)), as the runner "
                "does from the data set"
            )
        return self.dataset_meta["classes"]

    def _log_table(self, by_class: dict[str, list[float]]) -> None:
        table = PrettyTable()
        table.add_column("Class", list(self._classes()))
        for name, values in by_class.items():
            table.add_column(name, [f"{value:.2f}" for value in values])
        print_log(f"per class results:\n{table.get_string()}", logger="current")
