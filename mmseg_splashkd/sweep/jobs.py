"""What a cell does in its process: train, then predict with the last weights."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.records.outcome import plain_figures
from mmseg_splashkd.records.run_file import read_run
from mmseg_splashkd.runs.test import evaluate
from mmseg_splashkd.sweep.folds import has_test_part
from mmseg_splashkd.sweep.keys import fingerprint
from mmseg_splashkd.sweep.locks import locked
from mmseg_splashkd.sweep.train_once import train_once

DONE = "cell.json"
LAST = "weights_*_last.safetensors"
TEST_SCORES = Path("scores") / "test_last.npz"
PREDICTIONS = "predictions"
CHECKPOINTS = ("last_checkpoint", "iter_*.pth", "best_*.pth")


@dataclass(frozen=True)
class CellJob:
    """A run of the sweep.

    Args:
        config: Config file.
        options: ``--cfg-options``, its teacher among them.
        work_dir: Of the run; its name is the run's.
        arm: Options of its arm alone, and the fingerprint of the config with them.
        predictions: Keep the label maps it predicts.
        checkpoints: Keep what it could be resumed from.
    """

    config: str
    options: Mapping[str, Any] = field(hash=False)
    work_dir: Path
    arm: tuple[Mapping[str, Any], str] = field(hash=False)
    predictions: bool = True
    checkpoints: bool = False

    def __call__(self, report: Callable[[str], object]) -> dict[str, Any]:
        """Run it, go on with it, or say what came out if it is done.

        Returns:
            ``{'val': {metric: value}, 'test': {...} or None}`` of the last weights; a
            value is None where a metric has none.

        Raises:
            ValueError: Its teacher was trained on frames that it is scored on, or the
                config file was changed after the sweep was begun.
        """
        lock = self.work_dir.parent / ".locks" / self.work_dir.name
        with locked(lock, lambda: report("waits for another worker to leave it")):
            return read_result(self.work_dir) or self._run(report)

    def _run(self, report: Callable[[str], object]) -> dict[str, Any]:
        self._check_unchanged()
        options = dict(self.options)
        cfg = read_config(self.config, options)
        report("trains")
        name, iterations = self.work_dir.name, cfg.train_cfg.max_iters
        train_once(self.config, self.work_dir, name, options, iterations)
        report("predicts")
        if self.predictions:
            self._predict_val(cfg)
        found = {"val": self._last_validation(), "test": None}
        if has_test_part(cfg):
            scores = self.work_dir / TEST_SCORES
            found["test"] = self._predict("test", scores, {})
        write_whole(self.work_dir / DONE, json.dumps(found, indent=1))
        if not self.checkpoints:
            self._remove_checkpoints()
        return found

    def _check_unchanged(self) -> None:
        options, expected = self.arm
        if fingerprint(read_config(self.config, dict(options))) != expected:
            raise ValueError(
                f"{self.config}, or a config that it builds on, was changed after the "
                f"sweep was begun: its runs could not be compared. Undo the change, or "
                f"begin another sweep"
            )

    def _remove_checkpoints(self) -> None:
        """What a run is resumed from takes most of its room; its weights stay."""
        for pattern in CHECKPOINTS:
            for path in self.work_dir.glob(pattern):
                path.unlink()

    def _last_validation(self) -> dict[str, float | None]:
        """Figures of the last weights, which training validated."""
        run = read_run(self.work_dir) or {}
        return run["metrics"]["last"]

    def _predict_val(self, cfg: Any) -> None:
        """Predict the validation part, as a test part; training kept its scores."""
        parts = cfg.to_dict()
        options = {
            "test_dataloader.dataset": parts["val_dataloader"]["dataset"]
            | {"_delete_": True},
            "test_evaluator": parts["val_evaluator"],
        }
        self._predict("val", self.work_dir / "val" / "scores.npz", options)

    def _predict(
        self, part: str, scores: Path, options: Mapping[str, Any]
    ) -> dict[str, float | None]:
        out = self.work_dir / PREDICTIONS / part if self.predictions else None
        figures = evaluate(
            self.config,
            find_checkpoint(str(self.work_dir / LAST)),
            work_dir=self.work_dir / part,
            out=out,
            scores=scores,
            cfg_options={**self.options, **options},
        )
        return plain_figures(figures)


def read_result(work_dir: Path) -> dict[str, Any] | None:
    """What came out of a run that is done; None if it is not."""
    path = work_dir / DONE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
