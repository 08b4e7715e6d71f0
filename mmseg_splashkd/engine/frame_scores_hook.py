"""Keep the counts of every frame that was validated or tested."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import collect_results
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from mmseg_splashkd.evaluation.areas import frame_confusion
from mmseg_splashkd.evaluation.frame_scores import (
    FrameScores,
    probability_histogram,
    save_scores,
)

FOLDER = "scores"
LAST, BEST = "val_last.npz", "val_best.npz"
TEST = "scores.npz"


@HOOKS.register_module()
class FrameScoresHook(Hook):
    """Write :class:`~mmseg_splashkd.evaluation.frame_scores.FrameScores`.

    A validation writes ``<work_dir>/scores/val_last.npz``, a copy of which is kept as
    ``val_best.npz`` when its weights are the best so far; a test writes ``test_file``.
    All processes count, the first one writes.

    Args:
        test_file: By default ``<work_dir>/scores.npz``.
        focus_class: The class whose probabilities are counted too, by default the last.
    """

    def __init__(
        self, test_file: str | None = None, focus_class: str | None = None
    ) -> None:
        self.test_file = test_file
        self.focus_class = focus_class
        self.rows: list[tuple[Tensor, Tensor | None]] = []
        self.meta: dict[str, Any] = {}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Remember what the weights tell about themselves."""
        self.meta = checkpoint.get("meta", {})

    def before_val_epoch(self, runner: Runner) -> None:
        """Begin to count."""
        self.rows.clear()

    def before_test_epoch(self, runner: Runner) -> None:
        """Begin to count."""
        self.rows.clear()

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Count the frames of a batch."""
        self._count(outputs or (), runner.val_dataloader)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Count the frames of a batch."""
        self._count(outputs or (), runner.test_dataloader)

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Write the counts."""
        about = {
            "run": runner.message_hub.get_info("run_name"),
            "weights": "last",
            "seed": runner.seed,
            "experiment": runner.cfg.get("experiment"),
            "iteration": runner.iter,
        }
        target = Path(runner.work_dir) / FOLDER / LAST
        self._write(runner.val_dataloader, "val", about, target)

    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Write the counts."""
        about = {
            "run": self.meta.get("run"),
            "weights": _weights(runner.cfg.get("load_from")),
            "seed": self.meta.get("seed"),
            "experiment": self.meta.get("experiment"),
            "iteration": self.meta.get("iter"),
            "checkpoint": runner.cfg.get("load_from"),
        }
        target = Path(self.test_file or Path(runner.work_dir) / TEST)
        self._write(runner.test_dataloader, "test", about, target)

    def _count(self, samples: Sequence[Any], loader: Any) -> None:
        classes = list(loader.dataset.metainfo["classes"])
        focus = self._focus(classes)
        self.rows += [_row(sample, focus, len(classes)) for sample in samples]

    def _focus(self, classes: Sequence[str]) -> int:
        """Index of the class.

        Raises:
            ValueError: There is none of that name.
        """
        if self.focus_class is None:
            return len(classes) - 1
        if self.focus_class not in classes:
            raise ValueError(
                f"focus_class={self.focus_class!r} is no class of the data: {classes}"
            )
        return classes.index(self.focus_class)

    def _write(self, loader: Any, part: str, about: dict, target: Path) -> None:
        dataset = loader.dataset
        rows = collect_results(self.rows, len(dataset), "cpu")
        self.rows = []
        if rows is None:  # not the first process
            return
        classes = tuple(dataset.metainfo["classes"])
        infos = [dataset.get_data_info(index) for index in range(len(dataset))]
        histograms = [row[1] for row in rows if row[1] is not None]
        whole = len(histograms) == len(rows)
        scores = FrameScores(
            confusion=np.stack([row[0].numpy() for row in rows]),
            histogram=np.stack([h.numpy() for h in histograms]) if whole else None,
            frames=tuple(info["img_path"] for info in infos),
            recordings=tuple(info.get("recording", ".") for info in infos),
            timestamps=np.array([info.get("timestamp", -1) for info in infos]),
            classes=classes,
            focus=classes[self._focus(classes)],
            about={**about, "part": part, **_data_of(dataset)},
        )
        save_scores(scores, target)


def _row(sample: Any, focus: int, classes: int) -> tuple[Tensor, Tensor | None]:
    """Confusion (C, C) and, where there are logits, histogram (2, BINS) of a frame."""
    pred = sample.pred_sem_seg.data.squeeze(0)
    label = sample.gt_sem_seg.data.squeeze(0).to(pred.device)
    confusion = frame_confusion(pred, label, classes).cpu()
    logits = sample.get("seg_logits")
    if logits is None or len(logits.data) != classes:  # averaged flips, one sigmoid
        return confusion, None
    probability = logits.data.float().softmax(0)[focus]
    return confusion, probability_histogram(probability, label, focus, classes).cpu()


def _weights(checkpoint: str | None) -> str | None:
    """Which of a run's weights a file is, by the name that runs give it."""
    stem = Path(checkpoint or "").stem
    return next((kind for kind in ("best", "last") if stem.endswith(kind)), None)


def _data_of(dataset: Any) -> dict[str, Any]:
    """What the data set is, as far as it tells."""
    table = getattr(dataset, "ann_file", None)
    known = table and Path(table).is_file()
    return {
        "split": getattr(dataset, "split", None),
        "fold": getattr(dataset, "fold", None),
        "table": table or None,
        "table_sha256": _sha256(Path(table)) if known else None,
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def keep_best(work_dir: str | Path) -> None:
    """Copy the scores of the last validation: its weights are the best so far."""
    last = Path(work_dir) / FOLDER / LAST
    if last.is_file():
        partial = last.with_name(f".{BEST}.partial")
        shutil.copyfile(last, partial)
        partial.replace(last.with_name(BEST))
