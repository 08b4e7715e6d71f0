"""An adaptation from the command line: what it does, and what came of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_splashkd.adaptation.adapt import adapt
from mmseg_splashkd.adaptation.evidence import shipped_evidence
from mmseg_splashkd.adaptation.scoring import score
from mmseg_splashkd.adaptation.summary import cited, described, draw_shares, judged


def adapt_and_tell(
    config: str,
    checkpoint: str,
    target: Path,
    folder: Path,
    method: str | None = None,
    length: int | None = None,
    scored: bool = False,
    cfg_options: Mapping[str, Any] | None = None,
) -> None:
    """Adapt, print signs and doubts, and draw the share of the last class.

    Args:
        config: As of ``adapt``, and so are the others.
        checkpoint: Weights trained on the source.
        target: Folder of frames of the target.
        folder: Folder of configs, runs and the picture.
        method: One of ``METHODS``, or None.
        length: Iterations, or epochs, or None.
        scored: Whether to test on the frames of the target that have a label.
        cfg_options: Dotted config keys to override.

    Raises:
        ValueError: As of ``adapt``, or ``scored`` without labels.
    """
    adapted = adapt(
        *(config, checkpoint, target, folder, method, length, cfg_options),
        needs_labels=scored,
    )
    print(*described(adapted), sep="\n")
    for shown in shipped_evidence():
        if adapted.method in shown.gains:
            print(cited(shown, adapted.method))
    print(*judged(adapted), sep="\n")
    if scored:
        score(adapted, folder)
    print(f"Weights, for {config}: {adapted.weights}")
    print(f"Picture: {draw_shares(adapted, folder / 'shares.svg')}")
