"""What the teacher knows, found out before it teaches."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_dist_info, is_main_process
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor
from torch.utils.data import DataLoader

from mmseg_splashkd.datasets.views import seeded
from mmseg_splashkd.evaluation.calibration import (
    HIGHEST,
    LOWEST,
    CalibrationBins,
    PixelSample,
    fit_temperature,
    is_at_end,
    join_samples,
    sample_pixels,
)
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.models import DistillSegmentor
from mmseg_splashkd.models.bare_model import bare_model
from mmseg_splashkd.models.losses.functional import resize_logits

REPORT = "teacher.json"
INFO = "teacher_gate"  # in the message hub, and so in checkpoints
PIXELS_A_FRAME = 20_000
LOGITS_IN_ALL = 2**22  # 16 MiB of the pixels the temperature is fitted to: seconds


def test_teacher(
    model: DistillSegmentor, dataloader: DataLoader, metrics: Mapping | Sequence
) -> dict[str, Any]:
    """Test the teacher of a distillation as what it teaches: whole frames.

    Each process tests its share, and all get the same figures. The model's mode and the
    random state stay as they are.

    Args:
        model: With a teacher.
        dataloader: Frames in the order of the host's ``DefaultSampler``, unshuffled.
        metrics: Configs of metrics, one or several, or metrics.

    Returns:
        JSON values: ``metrics`` by name; ``ece``, the expected calibration error of all
        valid pixels, a fraction; ``temperature``, fitted to a sample of at most
        ``PIXELS_A_FRAME`` valid pixels a frame, fewer where those of all frames would
        exceed ``LOGITS_IN_ALL`` numbers; ``ece_at_temperature`` of that sample;
        ``frames`` and valid ``pixels`` counted.

    Raises:
        ValueError: A frame does not fit the metrics, or no pixel is valid.
    """
    dataset: Any = dataloader.dataset
    evaluator = Evaluator(metrics)  # type: ignore[arg-type]
    evaluator.dataset_meta = dataset.metainfo
    calibration = _Calibration(len(dataset), model.num_classes)
    with seeded(0), torch.no_grad():
        for batch in dataloader:
            samples = _answers(model, batch)
            evaluator.process(samples, batch)
            for sample in samples:
                logits, label = sample.seg_logits.data, sample.gt_sem_seg.data[0]
                calibration.add(logits, label.to(logits.device))
    figures = evaluator.evaluate(len(dataset))
    return {
        "metrics": {name: float(value) for name, value in figures.items()},
        **calibration.figures(),
        "frames": len(dataset),
    }


def _answers(model: Any, batch: dict) -> list:
    """The teacher's answers as the host's ``predict`` gives a segmentor's."""
    data = model.data_preprocessor(batch, False)
    inputs = data["inputs"]
    logits = resize_logits(
        model.teacher_logits(inputs), inputs.shape[-2:], model.teacher_align_corners
    )
    return model.student.postprocess_result(logits, data["data_samples"])


class _Calibration:
    """Bins of all pixels and a sample of some, of this process until the end."""

    def __init__(self, frames: int, num_classes: int) -> None:
        self.frames, self.num_classes = frames, num_classes
        self.limit = min(PIXELS_A_FRAME, LOGITS_IN_ALL // (frames * num_classes)) or 1
        self.bins = CalibrationBins()
        self.samples: list[PixelSample] = []
        self.rank, self.processes = get_dist_info()
        self.seen = 0

    def add(self, logits: Tensor, label: Tensor) -> None:
        """Add a frame at its own size: (C, H, W) logits, (H, W) label."""
        index = self.seen * self.processes + self.rank
        self.seen += 1
        if index >= self.frames:  # fills up the last batches; the metrics drop it too
            return
        self.bins.add(logits[None], label[None])
        self.samples.append(sample_pixels(logits, label, self.limit, seed=index))

    def figures(self) -> dict[str, Any]:
        """ECE, temperature, and both together, of all processes."""
        self.bins.reduce()
        logits, labels, weights = join_samples(self.samples, self.num_classes)
        temperature = fit_temperature(logits, labels, weights)
        tempered = CalibrationBins()
        tempered.add(logits / temperature, labels, weights)
        tempered.reduce()
        return {
            "ece": self.bins.expected_calibration_error(),
            "temperature": temperature,
            "ece_at_temperature": tempered.expected_calibration_error(),
            "pixels": round(self.bins.count),
        }


@HOOKS.register_module()
class TeacherGateHook(Hook):
    """Test the teacher before the first step, and refuse one that falls short.

    Its figures are logged, written to ``teacher.json`` in the work directory and kept
    in the checkpoints, so that a resumed run goes on with them. The temperature that
    fits it is given to the distillation loss. A teacher whose answers are read from
    files is judged by the figures stored with them. What it must reach is the model's
    ``teacher_gate``; models other than ``DistillSegmentor`` pass.
    """

    def before_train(self, runner: Runner) -> None:
        """Find the teacher's figures, note them and judge them.

        Raises:
            ValueError: The teacher is not better than ``teacher_gate.floor``, lacks a
                figure that it names, or there is nothing to test it on though a floor
                or a fitted temperature is asked for.
        """
        model: Any = bare_model(runner.model)
        if not isinstance(model, DistillSegmentor):
            return
        report = _report_of(runner, model)
        if report is None:
            runner.logger.warning(_refuse_untested(model))
            return
        _log(runner, report)
        _keep(runner, report)
        model.teacher_gate.check_floor(report["metrics"])
        model.distill_loss.set_fitted_temperature(report["temperature"])


def _report_of(runner: Runner, model: Any) -> dict[str, Any] | None:
    known = runner.message_hub.get_info(INFO)
    if runner.iter > 0 and known is not None:
        return known
    if not model.has_teacher:
        return model.teacher_report
    if runner.val_loop is None:
        return None
    loader: Any = runner.val_dataloader
    runner.logger.info(
        f"testing the teacher on {len(loader.dataset)} validation frames"
    )
    # Metrics of its own: those of the loop hold what it is in the middle of.
    return test_teacher(model, loader, runner.cfg.val_evaluator)


def _refuse_untested(model: Any) -> str:
    """What to log of an untested teacher, where nothing asks for its figures."""
    lack = "there is no val_dataloader: set it with val_cfg and val_evaluator"
    if not model.has_teacher:
        lack = (
            "the teacher's cache holds no figures: run tools/cache_teacher.py again, "
            "with a val_dataloader"
        )
    if model.distill_loss.needs_fitted_temperature:
        raise ValueError(
            f"temperature='fitted' is fitted on the validation part, and {lack}, or "
            f"give a number"
        )
    if model.teacher_gate.floor:
        model.teacher_gate.refuse(
            "floor",
            f"model.teacher_gate.floor={dict(model.teacher_gate.floor)} is compared on "
            f"the validation part, and {lack}",
        )
    return f"the teacher was not tested: {lack}"


def _log(runner: Runner, report: Mapping[str, Any]) -> None:
    figures = "  ".join(
        f"{key}: {value:.4f}" for key, value in report["metrics"].items()
    )
    temperature = report["temperature"]
    runner.logger.info(
        f"teacher on {report['frames']} validation frames  {figures}  "
        f"ece: {report['ece']:.4f}  temperature: {temperature:.4f}  "
        f"ece_at_temperature: {report['ece_at_temperature']:.4f}"
    )
    if is_at_end(temperature):
        runner.logger.warning(
            f"the teacher's temperature {temperature:g} is an end of [{LOWEST:g}, "
            f"{HIGHEST:g}], no minimum: it is never wrong on the validation part, or "
            f"not better than chance",
        )


def _keep(runner: Runner, report: Mapping[str, Any]) -> None:
    runner.message_hub.update_info(INFO, dict(report))
    if is_main_process():
        write_whole(Path(runner.work_dir, REPORT), json.dumps(report, indent=1))


def read_report(work_dir: Path) -> dict[str, Any] | None:
    """The teacher's figures that a run left; None where it had no teacher tested."""
    path = work_dir / REPORT
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
