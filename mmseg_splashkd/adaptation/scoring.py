"""Scores on the frames of a target that have a label, before and after adapting."""

from pathlib import Path

from mmengine.config import Config

from mmseg_splashkd.adaptation.adapt import Adapted
from mmseg_splashkd.adaptation.config_file import write_scored
from mmseg_splashkd.adaptation.distil import Distilled, frames_classes
from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.evaluation.operating_point.stored import OPERATING_POINT, STORED
from mmseg_splashkd.report.compare import compare_runs
from mmseg_splashkd.runs.test import evaluate


def score(adapted: Adapted, folder: Path, taught: Distilled | None = None) -> None:
    """Test weights on the labelled frames, and print the differences.

    Of two classes, each network decides by its own threshold, if it has one. The
    interval is that of ``tools/compare.py``: over blocks of frames in time.

    Args:
        adapted: The adaptation, of whose target some frames have a label.
        folder: Folder for logs and counts.
        taught: A student of it, which is compared with its teacher.

    Raises:
        ValueError: A label does not fit.
    """
    table = adapted.target.labelled_table(folder)
    config = write_scored(folder / "scored.py", adapted.cfg, table)
    before, after = (
        _counts(config, weights, folder / name, _decision(adapted.cfg, weights))
        for name, weights in (("before", adapted.start), ("after", adapted.weights))
    )
    compare_runs((before, after), allowed=("weights",))
    if taught is not None:
        config = write_scored(folder / "scored_student.py", taught.cfg, table)
        decision = _decision(taught.cfg, taught.weights)
        own = _counts(config, taught.weights, folder / "after_student", decision)
        compare_runs((after, own), allowed=("weights",))


def _decision(cfg: Config, weights: Path) -> str | None:
    """How classes are decided: of two, by the threshold that the weights have."""
    has_point = bool(read_checkpoint(weights)["meta"].get(OPERATING_POINT))
    return STORED if has_point and len(frames_classes(cfg)) == 2 else None


def _counts(
    config: Path, weights: Path, folder: Path, threshold: str | None = None
) -> Path:
    """File of the counts of weights on the labelled frames."""
    file = folder.with_suffix(".npz")
    file.unlink(missing_ok=True)  # of an earlier call, whose labels may differ
    evaluate(config, weights, folder, scores=file, threshold=threshold)
    return file
