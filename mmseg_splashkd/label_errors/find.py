"""Frames of an arm in the order in which a person should look at their labels."""

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
from mmseg_splashkd.label_errors.held_out import Answer, FoldRun, answers
from mmseg_splashkd.label_errors.inspection import judge, softmin
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
    """A frame and what is suspicious about its label.

    Args:
        frame: Where frame and label are.
        run: Name of the run's folder that judged it.
        regions: The surest first; none where nothing is suspicious.
        quality: cleanlab's quality of the label as a whole, in [0, 1].
        png: The predicted trainIds, as a PNG file's bytes.
    """

    frame: Frame
    run: str
    regions: list[ErrorRegion]
    quality: float
    png: bytes

    @property
    def score(self) -> float:
        """Evidence of the surest region, in pixels: what frames are ranked by."""
        return self.regions[0].score if self.regions else 0.0

    @property
    def predicted(self) -> np.ndarray:
        """(H, W) uint8, the classes that the run saw."""
        with Image.open(io.BytesIO(self.png)) as image:
            return np.asarray(image)


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """All frames that were judged, the most suspicious first.

    Args:
        findings: One a frame.
        coding: How labels are coded.
        focus: trainId of the class looked at.
        unjudged: Names of frames that some run was trained on and none judged.
    """

    findings: list[LabelError]
    coding: LabelCoding
    focus: int
    unjudged: list[str]

    @property
    def suspicious(self) -> list[LabelError]:
        """The frames with a region."""
        return [finding for finding in self.findings if finding.regions]


def find_label_errors(
    runs: Sequence[FoldRun],
    unjudged: Sequence[str] = (),
    focus_class: str | None = None,
    progress: bool = True,
) -> LabelErrors:
    """Let each run judge the labels of the frames that it was held out from.

    Args:
        runs: As of ``open_runs``.
        unjudged: As of ``open_runs``.
        focus_class: The class looked at, by default the last.
        progress: Show a progress bar a run.

    Raises:
        ImportError: cleanlab is not installed.
        RuntimeError: Weights do not fit their config, or a frame cannot be read.
        ValueError: There is no such class, or weights are damaged.
    """
    coding = runs[0].coding
    focus = focus_index(coding.classes, focus_class)
    findings = [
        _finding(answer, run.work_dir.name, focus)
        for run in runs
        for answer in answers(run, progress)
    ]
    findings.sort(key=lambda finding: -finding.score)
    return LabelErrors(findings, coding, focus, list(unjudged))


def _finding(answer: Answer, run: str, focus: int) -> LabelError:
    verdict = judge(answer.label, answer.probability)
    return LabelError(
        frame=answer.frame,
        run=run,
        regions=find_regions(answer.label, verdict, focus),
        quality=softmin(verdict.quality),
        png=_png(verdict.predicted),
    )


def _png(train_ids: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(train_ids).save(buffer, "PNG")
    return buffer.getvalue()


def write_findings(found: LabelErrors, path: str | Path) -> Path:
    """Write a CSV, one line a region, frames by rank, whole or not at all.

    Raises:
        FileExistsError: The file is there, and is not such a table.
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
            f"{path} is another table, which would be lost: name another page by --out"
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
