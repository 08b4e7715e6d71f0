"""Saves the pixel counts of every validated or tested frame."""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import broadcast_object_list, collect_results
from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from mmseg_splashkd.evaluation.areas import frame_confusion
from mmseg_splashkd.evaluation.bursts import burst_metrics, has_time, score_bursts
from mmseg_splashkd.evaluation.frame_files import recordings_of
from mmseg_splashkd.evaluation.frame_scores import (
    FrameScores,
    focus_index,
    load_scores,
    probability_histogram,
    save_scores,
)
from mmseg_splashkd.evaluation.operating_point import (
    METRIC,
    OperatingPointEvaluator,
    cross_fitted_dice,
    focus_probability,
    has_probabilities,
    note_operating_point,
    warn_if_hardly_found,
)
from mmseg_splashkd.evaluation.scores_target import scores_target
from mmseg_splashkd.files import file_sha256
from mmseg_splashkd.hooks.stop_request import any_process
from mmseg_splashkd.models.bare_model import bare_model

FOLDER = "scores"
LAST, BEST = "val_last.npz", "val_best.npz"
TEST = "scores.npz"
Size = tuple[int, int]  # height and width of a frame, in pixels
Row = tuple[Tensor, Tensor | None, Size]  # confusion, histogram


@HOOKS.register_module()
class FrameScoresHook(Hook):
    """Write ``FrameScores``.

    A validation writes ``<work_dir>/scores/val_last.npz``, a copy of which is kept as
    ``val_best.npz`` when its weights are the best so far; a test writes ``test_file``,
    unless that holds the scores of another test (see ``scores_target``).
    All processes count; the first process writes the file. Figures derived from the
    counts are logged: the best operating point of a validation, the detected bursts of
    a test.

    A validation gets the metric ``OperatingPoint.Dice``, Dice of the focus class in
    percent at a threshold that is chosen on other frames (see
    ``evaluation.operating_point.cross_fit``): for ``save_best``, early stopping, the
    record and the log, in all processes. It is NaN where no pixel of the validation
    part is of the class, and for models without probabilities; the checkpoint hook then
    keeps the best weights so far.

    Args:
        test_file: Output file of a test; default ``<work_dir>/scores.npz``.
        focus_class: Name of the focus class, whose probabilities are counted too;
            default the last class.
    """

    def __init__(
        self, test_file: str | None = None, focus_class: str | None = None
    ) -> None:
        self.test_file = test_file
        self.focus_class = focus_class
        self.rows: list[Row] = []
        self.meta: dict[str, Any] = {}
        self.target: Path | None = None  # of the present test

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep the metadata of the loaded weights."""
        self.meta = checkpoint.get("meta", {})

    def before_val_epoch(self, runner: Runner) -> None:
        """Reset the counts."""
        self.rows.clear()

    def before_test_epoch(self, runner: Runner) -> None:
        """Reset the counts, and choose the file before the first frame.

        Raises:
            FileExistsError: ``test_file`` holds the scores of another test.
        """
        self.rows.clear()
        dataset: Any = runner.test_dataloader.dataset
        infos = [_info_of(dataset, index) for index in range(len(dataset))]
        wanted = self.test_file or Path(runner.work_dir) / TEST
        self.target = scores_target(
            wanted,
            named=self.test_file is not None,
            about={**self._about_test(runner), **_data_of(dataset)},
            frames=[info["img_path"] for info in infos],
        )
        if self.target != Path(wanted):
            runner.logger.info(
                f"{wanted} holds the scores of another test: those of this test are "
                f"written to {self.target}"
            )

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Count the frames of a batch."""
        self._count(runner, outputs or (), runner.val_dataloader)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Count the frames of a batch."""
        self._count(runner, outputs or (), runner.test_dataloader)

    def check_outputs(
        self, runner: Runner, loader: Any, samples: Sequence[Any]
    ) -> dict[str, float]:
        """Count frames without keeping the counts, before a run: see ``DryPassHook``.

        Args:
            runner: Runner whose loops are built.
            loader: Loader of the frames.
            samples: Predictions of some frames.

        Returns:
            Metrics that this hook adds to a validation, by name; the values are NaN.
        """
        rows, self.rows = self.rows, []
        self._count(runner, samples, loader)
        self.rows = rows
        return {METRIC: math.nan}

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Write the counts, store the operating point, add its Dice to ``metrics``.

        Raises:
            ValueError: The labels of all frames ignore every pixel.
        """
        self._check_labelled("val")
        about = {
            "run": runner.message_hub.get_info("run_name"),
            "weights": "last",
            "seed": runner.seed,
            "experiment": runner.cfg.get("experiment"),
            "iteration": runner.iter,
        }
        target = Path(runner.work_dir) / FOLDER / LAST
        scores = self._write(runner.val_dataloader, "val", about, target)
        value = math.nan
        if scores is not None:
            note_operating_point(runner, scores)
            warn_if_hardly_found(runner, scores)
            value = cross_fitted_dice(scores)
        _add(runner, "val", {METRIC: value}, metrics)

    def after_train(self, runner: Runner) -> None:
        """Warn if no validation could select the best weights."""
        by_operating_point = any(
            isinstance(hook, CheckpointHook)
            and hook.save_best
            and METRIC in hook.key_indicators
            for hook in runner.hooks
        )
        validated = f"val/{METRIC}" in runner.message_hub.log_scalars
        if (
            by_operating_point
            and validated
            and runner.message_hub.get_info("best_ckpt") is None
        ):
            runner.logger.warning(
                f"no best checkpoint: {METRIC} was NaN in every validation, for the "
                f"reasons given there. Use the last weights, or set "
                f"default_hooks.checkpoint.save_best to another metric, such as mIoU"
            )

    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Write the counts, log the bursts and add their figures to ``metrics``.

        Raises:
            ValueError: The labels of all frames ignore every pixel.
        """
        self._check_labelled("test")
        target = self.target or Path(self.test_file or Path(runner.work_dir) / TEST)
        about = self._about_test(runner)
        scores = self._write(runner.test_dataloader, "test", about, target)
        figures = {}
        if scores is not None and has_time(scores):
            figures = _log_bursts(runner, scores)
        _add(runner, "test", figures, metrics)

    def _check_labelled(self, part: str) -> None:
        """Refuse scores of no pixel: metrics would be NaN or missing without a word."""
        if not any_process(any(bool(confusion.any()) for confusion, *_ in self.rows)):
            raise ValueError(
                f"the labels of all frames of {part} ignore every pixel, so that no "
                f"score is defined: tools/check_dataset.py lists their values; correct "
                f"label_coding or the labels"
            )

    def _about_test(self, runner: Runner) -> dict[str, Any]:
        """What identifies a test, beside its data."""
        checkpoint = runner.cfg.get("load_from")
        whole = checkpoint and Path(checkpoint).is_file()
        about = {
            "run": self.meta.get("run"),
            "weights": _weights(checkpoint),
            "seed": self.meta.get("seed"),
            "experiment": self.meta.get("experiment"),
            "iteration": self.meta.get("iter"),
            "checkpoint": checkpoint,
            "checkpoint_sha256": file_sha256(checkpoint) if whole else None,
            "setting": _setting(runner.cfg),
            "tta": _averages(runner.model),
            "threshold": None,
            # Of a model that brings its own weights and decision.
            **getattr(bare_model(runner.model), "about", {}),
        }
        given = _threshold(runner)
        return about if given is None else {**about, "threshold": given}

    def _count(self, runner: Runner, samples: Sequence[Any], loader: Any) -> None:
        classes = loader.dataset.metainfo["classes"]
        focus = focus_index(classes, self.focus_class)
        # With averaged flips, a sample holds the logits of one of them only.
        with_logits = not _averages(runner.model)
        self.rows += [
            _row(sample, focus, len(classes), with_logits) for sample in samples
        ]

    def _write(
        self, loader: Any, part: str, about: dict, target: Path
    ) -> FrameScores | None:
        """Gather and save the counts; returns None in all processes but the first."""
        dataset = loader.dataset
        rows = collect_results(self.rows, len(dataset), "cpu")
        self.rows = []
        if rows is None:
            return None
        classes = tuple(dataset.metainfo["classes"])
        infos = [_info_of(dataset, index) for index in range(len(dataset))]
        histograms = [row[1] for row in rows if row[1] is not None]
        sizes = {tuple(row[2]) for row in rows}
        complete = len(histograms) == len(rows)
        scores = FrameScores(
            confusion=np.stack([row[0].numpy() for row in rows]),
            histogram=np.stack([h.numpy() for h in histograms]) if complete else None,
            frames=tuple(info["img_path"] for info in infos),
            recordings=tuple(recordings_of(dataset, infos)),
            timestamps=np.array([info.get("timestamp", -1) for info in infos]),
            classes=classes,
            focus=classes[focus_index(classes, self.focus_class)],
            about={
                **about,
                "part": part,
                "frame_sizes": len(sizes),
                **_data_of(dataset),
            },
        )
        save_scores(scores, target)
        return scores


def _add(
    runner: Runner, part: str, figures: dict[str, float], metrics: dict | None
) -> None:
    """Add figures of the first process to the log and the metrics of all processes.

    All must select the same best weights, and stop early at the same iteration.
    """
    shared = [figures]
    broadcast_object_list(shared)
    for name, value in shared[0].items():
        runner.message_hub.update_scalar(f"{part}/{name}", value)
    if metrics is not None:
        metrics.update(shared[0])


def _log_bursts(runner: Runner, scores: FrameScores) -> dict[str, float]:
    result = score_bursts(scores)
    figures = burst_metrics(result)
    hits = sum(burst.found for burst in result.bursts)
    line = f"{hits} of {len(result.bursts)} bursts of {scores.focus} found"
    if "Bursts.latency" in figures:
        line += f", after {result.latency:.1f} s on average"
    runner.logger.info(
        f"{line}; {len(result.false)} false bursts in {_duration(result.hours)}"
    )
    return figures


def _duration(hours: float) -> str:
    return f"{hours:.2f} hours" if hours >= 1 else f"{60 * hours:.1f} minutes"


def _averages(model: Any) -> bool:
    """Whether a model averages several augmented predictions of a frame."""
    while is_model_wrapper(model):
        model = model.module
    return isinstance(model, BaseTTAModel)


def _setting(cfg: Any) -> str:
    """Hash of what a config says about the frames and their prediction."""
    model = cfg.get("model") or {}
    parts = [cfg.get("test_dataloader", {}).get("dataset")]
    parts += [model.get(key) for key in ("test_cfg", "data_preprocessor")]
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _threshold(runner: Runner) -> float | None:
    """The probability threshold of a test; None for the argmax."""
    loop: Any = runner.test_loop
    evaluator = loop.evaluator
    return (
        evaluator.threshold if isinstance(evaluator, OperatingPointEvaluator) else None
    )


def _row(sample: Any, focus: int, classes: int, with_logits: bool) -> Row:
    """Confusion (C, C), histogram (2, BINS) if there are logits, size of a frame."""
    pred = sample.pred_sem_seg.data.squeeze(0)
    label = sample.gt_sem_seg.data.squeeze(0).to(pred.device)
    confusion = frame_confusion(pred, label, classes).cpu()
    logits = sample.get("seg_logits") if with_logits else None
    size = (int(label.shape[0]), int(label.shape[1]))
    if logits is None or not has_probabilities(logits.data, classes):
        return confusion, None, size
    probability = focus_probability(logits.data, focus)
    histogram = probability_histogram(probability, label, focus, classes)
    return confusion, histogram.cpu(), size


def _weights(checkpoint: str | None) -> str | None:
    """``'best'`` or ``'last'`` by the file name of weights; None for other names."""
    stem = Path(checkpoint or "").stem
    if stem.startswith("best_"):  # a checkpoint of mmengine
        return "best"
    return next((kind for kind in ("best", "last") if stem.endswith(f"_{kind}")), None)


def _info_of(dataset: Any, index: int) -> dict[str, Any]:
    """Annotation of a frame; only a number as its path where it is not listed."""
    listed = hasattr(dataset, "get_data_info")
    info = dataset.get_data_info(index) if listed else {}
    return {"img_path": str(index)} | info


def _data_of(dataset: Any) -> dict[str, Any]:
    """Split, fold and split tables of the data sets inside wrappers.

    ``split`` and ``fold`` are None unless all data sets agree.
    """
    found = list(_leaves(dataset))
    split, fold = (
        _common(getattr(leaf, key, None) for leaf in found) for key in ("split", "fold")
    )
    named = [str(getattr(leaf, "ann_file", None) or "") for leaf in found]
    tables = [table for table in dict.fromkeys(named) if table]
    hashes = [file_sha256(table) for table in tables if Path(table).is_file()]
    return {
        "split": split,
        "fold": fold,
        "table": ", ".join(tables) or None,
        "table_sha256": ", ".join(hashes) or None,
    }


def _common(values: Iterable[Any]) -> Any:
    """The value that all have; None if they differ."""
    first, *others = values
    return first if all(other == first for other in others) else None


def _leaves(dataset: Any) -> Iterator[Any]:
    """The data sets inside wrappers such as ``ConcatDataset``."""
    inner = getattr(dataset, "datasets", None) or [getattr(dataset, "dataset", None)]
    for child in inner:
        yield from [dataset] if child is None else _leaves(child)


def keep_best(work_dir: str | Path) -> None:
    """Copy the scores of the last validation, whose weights are the best so far."""
    path = Path(work_dir) / FOLDER / LAST
    if path.is_file():
        last = load_scores(path)
        best = replace(last, about={**last.about, "weights": "best"})
        save_scores(best, path.with_name(BEST))
