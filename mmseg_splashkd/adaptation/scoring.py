"""Scores on the frames of a target that have a label, before and after adapting."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_splashkd.adaptation.adapt import Adapted
from mmseg_splashkd.report.compare import compare_runs
from mmseg_splashkd.runs.test import evaluate

TEST = "test_dataloader.dataset"


def score(
    config: str,
    checkpoint: str,
    adapted: Adapted,
    folder: Path,
    cfg_options: Mapping[str, Any] | None = None,
) -> None:
    """Test both weights on the labelled frames, and print the difference.

    The interval is that of ``tools/compare.py``: over blocks of frames in time.

    Args:
        config: Config of the segmentor.
        checkpoint: Weights before.
        adapted: The adaptation.
        folder: Folder for logs and counts.
        cfg_options: Dotted config keys to override.

    Raises:
        ValueError: No frame of the target has a label, or a label does not fit.
    """
    options = dict(cfg_options or {}) | {
        f"{TEST}.data_root": "",
        f"{TEST}.split_table": str(adapted.table),
        f"{TEST}.split": "train",  # where all of its frames are
        f"{TEST}.fold": None,
        f"{TEST}.embargo": 0,
        f"{TEST}.unlabelled": "skip",
    }
    files = []
    for name, weights in (("before", checkpoint), ("after", str(adapted.weights))):
        file = folder / f"{name}.npz"
        file.unlink(missing_ok=True)  # of an earlier call, whose labels may differ
        evaluate(config, weights, folder / name, scores=file, cfg_options=options)
        files.append(file)
    compare_runs(files, allowed=("weights",))
