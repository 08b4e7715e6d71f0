"""Frames of an arm ranked by the evidence that their labels are wrong."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import LabelCoding
from mmseg_splashkd.evaluation.frame_scores import focus_index
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.label_errors.held_out import FoldRun, Prediction, predictions
from mmseg_splashkd.label_errors.quality import label_quality, softmin
from mmseg_splashkd.label_errors.regions import ErrorRegion, find_regions

COLUMNS = (
    "rank",
    "frame",
    "label",
    "frame_score",
    "quality",
    "region",
    "kind",
    "given",
    "suggested",
    "left",
    "top",
    "right",
    "bottom",
    "pixels",
    "depth",
    "score",
)


@dataclass(frozen=True, eq=False)
class LabelError:
    """A frame and the suspicious regions of its label.

    Args:
        frame: Files of frame and label.
        run: Name of the folder of the run that predicted it.
        regions: Suspicious regions by descending score, possibly none.
        quality: Quality of the label as a whole, in [0, 1]; see ``softmin``.
        png: Predicted trainIds, encoded as PNG.
    """

    frame: Frame
    run: str
    regions: list[ErrorRegion]
    quality: float
    png: bytes

    @property
    def score(self) -> float:
        """Largest score of its regions, in pixels, by which frames are ranked."""
        return self.regions[0].score if self.regions else 0.0

    @property
    def predicted(self) -> np.ndarray:
        """(H, W) uint8 predicted trainIds."""
        with Image.open(io.BytesIO(self.png)) as image:
            return np.asarray(image)


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """All predicted frames, by descending score.

    Args:
        findings: One per frame.
        coding: Label coding of the data set.
        focus: trainId of the focus class.
        unjudged: Names of training frames that no run was validated on.
    """

    findings: list[LabelError]
    coding: LabelCoding
    focus: int
    unjudged: list[str]

    @property
    def suspicious(self) -> list[LabelError]:
        """The frames with at least one region."""
        return [finding for finding in self.findings if finding.regions]


def find_label_errors(
    runs: Sequence[FoldRun],
    unjudged: Sequence[str] = (),
    focus_class: str | None = None,
    progress: bool = True,
) -> LabelErrors:
    """Compare labels with the held-out predictions of runs.

    Args:
        runs: Opened runs, the first result of ``open_runs``.
        unjudged: Names of training frames without a prediction, the second result of
            ``open_runs``.
        focus_class: Name of the focus class; default the last class.
        progress: Whether to show one progress bar per run; default True.

    Raises:
        RuntimeError: Weights do not fit their config, or a frame cannot be read.
        ValueError: There is no such class, or weights are damaged.
    """
    coding = runs[0].coding
    focus = focus_index(coding.classes, focus_class)
    findings = [
        _finding(prediction, run.work_dir.name, focus)
        for run in runs
        for prediction in predictions(run, progress)
    ]
    findings.sort(key=lambda finding: -finding.score)
    return LabelErrors(findings, coding, focus, list(unjudged))


def _finding(prediction: Prediction, run: str, focus: int) -> LabelError:
    quality = label_quality(prediction.label, prediction.probability)
    return LabelError(
        frame=prediction.frame,
        run=run,
        regions=find_regions(prediction.label, quality, focus),
        quality=softmin(quality.quality),
        png=_png(quality.predicted),
    )


def _png(train_ids: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(train_ids).save(buffer, "PNG")
    return buffer.getvalue()


def write_findings(found: LabelErrors, path: str | Path) -> Path:
    """Write a CSV atomically, one line per region, frames by rank.

    Args:
        found: The ranked frames.
        path: File to write; an earlier table of this kind is replaced.

    Raises:
        FileExistsError: ``path`` is another table.
    """
    path = Path(path)
    _check_is_ours(path)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for rank, finding in enumerate(found.suspicious, 1):
        writer.writerows(_rows(rank, finding, found.coding.classes))
    return write_whole(path, text.getvalue())


def _check_is_ours(path: Path) -> None:
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        header = file.readline().strip()
    if header != ",".join(COLUMNS):
        raise FileExistsError(
            f"{path} is another table, which would be overwritten: choose another --out"
        )


def _rows(rank: int, finding: LabelError, classes: Sequence[str]) -> list[tuple]:
    of_frame = (rank, finding.frame.image, finding.frame.label)
    scores = (f"{finding.score:.1f}", f"{finding.quality:.4f}")
    return [
        (
            *of_frame,
            *scores,
            number,
            region.kind,
            classes[region.given],
            classes[region.suggested],
            *region.box,
            region.pixels,
            f"{region.depth:.1f}",
            f"{region.score:.1f}",
        )
        for number, region in enumerate(finding.regions, 1)
    ]
