"""Scores on the frames of a target that have a label, before and after adapting."""

from pathlib import Path

from mmseg_splashkd.adaptation.adapt import Adapted
from mmseg_splashkd.adaptation.config_file import write_scored
from mmseg_splashkd.report.compare import compare_runs
from mmseg_splashkd.runs.test import evaluate


def score(adapted: Adapted, folder: Path) -> None:
    """Test both weights on the labelled frames, and print the difference.

    The interval is that of ``tools/compare.py``: over blocks of frames in time.

    Args:
        adapted: The adaptation, of whose target some frames have a label.
        folder: Folder for logs and counts.

    Raises:
        ValueError: A label does not fit.
    """
    table = adapted.target.labelled_table(folder)
    config = write_scored(folder, adapted.cfg, table)
    files = []
    for name, weights in (("before", adapted.start), ("after", adapted.weights)):
        file = folder / f"{name}.npz"
        file.unlink(missing_ok=True)  # of an earlier call, whose labels may differ
        evaluate(config, weights, folder / name, scores=file)
        files.append(file)
    compare_runs(files, allowed=("weights",))
