"""Tests a teacher on whole frames: metrics, calibration, fitted temperature."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, get_dist_info, is_main_process
from mmengine.evaluator import Evaluator
from mmengine.registry import EVALUATOR
from torch import Tensor
from torch.utils.data import DataLoader

from mmseg_splashkd.datasets.views import seeded
from mmseg_splashkd.evaluation.areas import frame_confusion
from mmseg_splashkd.evaluation.calibration import (
    CalibrationBins,
    PixelSample,
    fit_temperature,
    join_samples,
    sample_pixels,
)
from mmseg_splashkd.evaluation.frame_scores import (
    BINS,
    focus_index,
    probability_histogram,
)
from mmseg_splashkd.evaluation.skill import dice_skill, iou_skill
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.foreign import read_json, reading
from mmseg_splashkd.models import DistillSegmentor
from mmseg_splashkd.models.losses.functional import resize_logits

REPORT = "teacher.json"
PIXELS_PER_FRAME = 20_000  # at most, that the temperature is fitted to
MAX_LOGITS = 2**22  # over all frames: 16 MiB, and seconds of fitting


def measure_teacher(
    model: DistillSegmentor,
    dataloader: DataLoader,
    metrics: Mapping | Sequence,
    focus_class: str | None = None,
) -> dict[str, Any]:
    """Test the teacher of a distillation on whole frames.

    Each process tests its share of the frames, and all return the same values. The
    model's mode and the random state are not changed.

    Args:
        model: ``DistillSegmentor`` with a teacher instead of a cache.
        dataloader: Frames in the order of mmengine's ``DefaultSampler``, unshuffled.
        metrics: One or several metrics or their configs, or the config of an evaluator
            with ``metrics``, as ``val_evaluator`` may be.
        focus_class: Name of the foreground of two classes; by default the last class.

    Returns:
        JSON values: ``metrics`` by name; ``ece``, the expected calibration error over
        all valid pixels, in [0, 1]; ``temperature``, fitted to a sample of at most
        ``PIXELS_PER_FRAME`` valid pixels per frame, and of at most ``MAX_LOGITS``
        logits over all frames; ``ece_at_temperature`` of that sample, in [0, 1];
        ``skill`` and ``trivial_skill`` in percent: of two classes, Dice of the
        foreground at its best threshold and where it is predicted everywhere, of more,
        mean IoU and that of the most frequent class predicted everywhere;
        the number of ``frames`` and of valid ``pixels``.

    Raises:
        ValueError: A frame does not fit the metrics, or no pixel is valid.
    """
    dataset: Any = dataloader.dataset
    evaluator = _evaluator(metrics)
    evaluator.dataset_meta = dataset.metainfo
    calibration = _Calibration(len(dataset), model.num_classes)
    focus = focus_index(dataset.metainfo["classes"], focus_class)
    counts = _Counts(calibration, focus)
    with seeded(0), torch.no_grad():
        for batch in dataloader:
            samples = _predictions(model, batch)
            evaluator.process(samples, batch)
            for sample in samples:
                logits, label = sample.seg_logits.data, sample.gt_sem_seg.data[0]
                label = label.to(logits.device)
                counts.add(logits, label)  # before the calibration counts the frame
                calibration.add(logits, label)
    figures = evaluator.evaluate(len(dataset))
    return {
        "metrics": {name: float(value) for name, value in figures.items()},
        **calibration.figures(),
        **counts.figures(),
        "frames": len(dataset),
    }


def _evaluator(metrics: Any) -> Evaluator:
    if isinstance(metrics, dict) and "metrics" in metrics:
        return EVALUATOR.build({"type": "Evaluator", **metrics})
    return Evaluator(metrics)


def _predictions(model: Any, batch: dict) -> list:
    """The teacher's predictions, as MMSegmentation's ``predict`` returns them."""
    data = model.data_preprocessor(batch, False)
    inputs = data["inputs"]
    logits = resize_logits(
        model.teacher_logits(inputs, data["data_samples"]),
        inputs.shape[-2:],
        model.teacher_align_corners,
    )
    return model.student.postprocess_result(logits, data["data_samples"])


class _Calibration:
    """Bins of all pixels and a sample of pixels of this process; see ``figures``."""

    def __init__(self, frames: int, num_classes: int) -> None:
        self.frames, self.num_classes = frames, num_classes
        self.limit = min(PIXELS_PER_FRAME, MAX_LOGITS // (frames * num_classes)) or 1
        self.bins = CalibrationBins()
        self.samples: list[PixelSample] = []
        self.rank, self.processes = get_dist_info()
        self.added = 0

    @property
    def next_index(self) -> int:
        """Index of the frame that this process adds next."""
        return self.added * self.processes + self.rank

    def add(self, logits: Tensor, label: Tensor) -> None:
        """Add a frame at its own size: (C, H, W) logits, (H, W) label."""
        index = self.next_index
        self.added += 1
        if index >= self.frames:  # pads the last batch; the metrics drop it too
            return
        self.bins.add(logits[None], label[None])
        self.samples.append(sample_pixels(logits, label, self.limit, seed=index))

    def figures(self) -> dict[str, Any]:
        """ECE, fitted temperature and ECE at that temperature, over all processes."""
        self.bins.reduce()
        logits, labels, weights = join_samples(self.samples, self.num_classes)
        temperature = fit_temperature(logits, labels, weights)
        scaled = CalibrationBins()
        scaled.add(logits / temperature, labels, weights)
        scaled.reduce()
        return {
            "ece": self.bins.expected_calibration_error(),
            "temperature": temperature,
            "ece_at_temperature": scaled.expected_calibration_error(),
            "pixels": round(self.bins.count),
        }


class _Counts:
    """Pixels by probability of the foreground, or by true and predicted class."""

    def __init__(self, frames: _Calibration, focus: int) -> None:
        self.frames, self.focus = frames, focus
        classes = frames.num_classes
        shape = (2, BINS) if classes == 2 else (classes, classes)
        self.total = torch.zeros(shape, dtype=torch.int64)

    def add(self, logits: Tensor, label: Tensor) -> None:
        """Add a frame at its own size: (C, H, W) logits, (H, W) label."""
        classes = self.frames.num_classes
        if self.frames.next_index >= self.frames.frames:
            return
        if classes == 2:
            p = logits.float().softmax(0)[self.focus]
            counts = probability_histogram(p, label, self.focus, classes)
        else:
            counts = frame_confusion(logits.argmax(0), label, classes)
        self.total += counts.cpu()

    def figures(self) -> dict[str, float]:
        """Score and trivial score, over all processes."""
        all_reduce(self.total)
        of = dice_skill if len(self.total) == 2 else iou_skill
        found = of(self.total.numpy())
        return {"skill": found.score, "trivial_skill": found.trivial}


def write_report(work_dir: str | Path, report: Mapping[str, Any]) -> None:
    """Write the report on a teacher to ``teacher.json``, on the first rank."""
    if is_main_process():
        write_whole(Path(work_dir, REPORT), json.dumps(report, indent=1))


def read_report(work_dir: Path) -> dict[str, Any] | None:
    """The report of a run on its teacher, see ``measure_teacher``; None if missing."""
    path = work_dir / REPORT
    if not path.is_file():
        return None
    with reading(path, "report on a teacher"):
        report = read_json(path)
        if not isinstance(report, dict):
            raise ValueError(f"it holds {type(report).__name__}, not an object")
        return report
