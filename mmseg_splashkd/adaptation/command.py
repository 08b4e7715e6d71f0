"""An adaptation from the command line: what it does, and what came of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_splashkd.adaptation.adapt import adapt
from mmseg_splashkd.adaptation.distil import distil, read_student
from mmseg_splashkd.adaptation.evidence import shipped_evidence
from mmseg_splashkd.adaptation.scoring import score
from mmseg_splashkd.adaptation.summary import (
    cited,
    described,
    described_student,
    draw_shares,
    judged,
)
from mmseg_splashkd.config.reading import read_config


def adapt_and_tell(
    config: str,
    checkpoint: str,
    target: Path,
    folder: Path,
    method: str | None = None,
    length: int | None = None,
    scored: bool = False,
    cfg_options: Mapping[str, Any] | None = None,
    student: str | None = None,
    student_options: Mapping[str, Any] | None = None,
    stops: bool = False,
) -> None:
    """Adapt, print signs and doubts, and draw the share of the last class.

    Then the adapted network teaches a student, if there is one.

    Args:
        config: Config of the segmentor.
        checkpoint: Weights trained on the source.
        target: Folder of frames of the target.
        folder: Folder of configs, runs and the picture.
        method: One of ``METHODS``, or None.
        length: Iterations, or epochs, or None.
        scored: Whether to test on the frames of the target that have a label.
        cfg_options: Dotted config keys to override.
        student: Config of a segmentor that the adapted network teaches, or None.
        student_options: Dotted config keys of the student to override.
        stops: Whether labelled frames of the target choose among up to eight weights,
            and are not trained on.

    Raises:
        ValueError: As of ``adapt``, ``read_student`` and ``distil``, or ``scored``
            without labels.
    """
    small = None
    if student is not None:  # before anything takes time
        teacher = read_config(config, dict(cfg_options or {}))
        small = read_student(student, teacher, student_options)
    adapted = adapt(
        *(config, checkpoint, target, folder, method, length, cfg_options),
        needs_labels=scored,
        stops=stops,
        student=small,
    )
    print(*described(adapted), sep="\n")
    for shown in shipped_evidence():
        if adapted.method in shown.gains:
            print(cited(shown, adapted.method))
    print(*judged(adapted), sep="\n")
    taught = None if small is None else distil(adapted, small, folder)
    if taught is not None:
        print(*described_student(taught, stops), sep="\n")
    if scored:
        score(adapted, folder, taught)
    print(f"Weights, for {config}: {adapted.weights}")
    if taught is not None:
        print(f"Weights, for {student}: {taught.weights}")
    print(f"Picture: {draw_shares(adapted, folder / 'shares.svg')}")
