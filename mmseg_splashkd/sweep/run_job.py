"""The job of a planned run: train, then predict with the last weights."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.files import remove_partials
from mmseg_splashkd.records.record import FINISHED, Charge, Metrics
from mmseg_splashkd.records.store import read_record, write_record
from mmseg_splashkd.records.traces import CHECKPOINTS
from mmseg_splashkd.runs.outcome import plain_metrics
from mmseg_splashkd.runs.test import evaluate, writers_of
from mmseg_splashkd.runs.train_once import WEIGHTS, train_once
from mmseg_splashkd.sweep.folds import has_test_part
from mmseg_splashkd.sweep.job import Job
from mmseg_splashkd.sweep.keys import config_sha256

TEST_SCORES = Path("scores") / "test_last.npz"
PREDICTIONS = "predictions"


@dataclass(frozen=True)
class RunJob(Job):
    """A run of the sweep; the name of its folder is the name of the run.

    Args:
        config: Config file.
        options: Dotted config keys to override, with those of the teacher.
        folder: Work directory.
        variant_options: Options of the variant, without fold, seed and teacher.
        variant_sha256: Hash of the config with these options when the sweep began.
        metric: Validation metric that is the result of the job.
        predictions: Keep the predicted label maps.
        checkpoints: Keep the checkpoints of the finished run.
        charge: What a sweep at equal wall-clock charges it; None without one.
    """

    variant_options: Mapping[str, Any] = field(hash=False)
    variant_sha256: str
    metric: str
    predictions: bool = True
    checkpoints: bool = False
    charge: Charge | None = None

    def result(self) -> float | None:
        """Metric of the last weights; None unless the run is complete.

        It is NaN where the metric is undefined, such as Dice of an absent class.

        Raises:
            ValueError: The run has no such metric.
        """
        record = read_record(self.folder)
        if record is None or record.status != FINISHED or record.test_metrics is None:
            return None
        metrics = record.metrics.last or {}
        if self.metric not in metrics:
            raise ValueError(
                f"--metric {self.metric} is none of {', '.join(sorted(metrics))}"
            )
        value = metrics[self.metric]
        return math.nan if value is None else value

    def work(self) -> Iterator[str]:
        """Train, predict, and remove the checkpoints.

        Yields:
            What it does.

        Raises:
            ValueError: Its teacher was trained on frames that the run is evaluated on,
                or the config has changed since the sweep began.
        """
        self._check_unchanged()
        predicted = (self.folder / PREDICTIONS).glob("**/")
        remove_partials(self.folder, self.folder / "scores", *predicted)
        cfg = read_config(self.config, dict(self.options))
        yield "trains"
        train_once(self.config, self.folder, self.folder.name, self.options)
        yield "predicts"
        self._evaluate(cfg)
        if not self.checkpoints:  # most of the disk space of a run; its weights stay
            for path in (p for each in CHECKPOINTS for p in self.folder.glob(each)):
                path.unlink()

    def _check_unchanged(self) -> None:
        cfg = read_config(self.config, dict(self.variant_options))
        if config_sha256(cfg) != self.variant_sha256:
            raise ValueError(
                f"{self.config}, or a config that it inherits, has changed since the "
                f"sweep began: its runs could not be compared. Undo the change, or "
                f"start another sweep"
            )

    def _evaluate(self, cfg: Config) -> None:
        """Predict both parts; the test metrics in the record mark a complete run.

        Training has recorded the metrics and scores of the validation part already.
        """
        if self.predictions and writers_of(cfg.get("val_evaluator")):
            self._predict_val(cfg)
        metrics = self._predict_test(cfg) if has_test_part(cfg) else {}
        record = read_record(self.folder)
        assert record is not None  # training has just written it
        record = replace(record, test_metrics=metrics, charge=self.charge)
        write_record(self.folder, record)

    def _predict_val(self, cfg: Config) -> None:
        """Predict the validation part by presenting it as the test part."""
        parts = cfg.to_dict()
        loader = parts["val_dataloader"]
        replaced = {"_delete_": True} if parts.get("test_dataloader") else {}
        options = {
            "test_dataloader": loader | replaced,
            "test_evaluator": parts["val_evaluator"],
            "test_cfg": parts.get("test_cfg") or {"type": "TestLoop"},
        }
        self._predict("val", options, out=self.folder / PREDICTIONS / "val")

    def _predict_test(self, cfg: Config) -> Metrics:
        writes = self.predictions and writers_of(cfg.get("test_evaluator"))
        out = self.folder / PREDICTIONS / "test" if writes else None
        scores = self.folder / TEST_SCORES
        scores.unlink(missing_ok=True)  # of an earlier attempt, whose weights are gone
        return self._predict("test", {}, out, scores)

    def _predict(
        self,
        part: str,
        options: Mapping[str, Any],
        out: Path | None,
        scores: Path | None = None,
    ) -> Metrics:
        metrics = evaluate(
            self.config,
            find_checkpoint(str(self.folder / WEIGHTS)),
            work_dir=self.folder / part,
            out=out,
            scores=scores,
            cfg_options={**self.options, **options},
        )
        return plain_metrics(metrics)
