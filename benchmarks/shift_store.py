"""What is kept of the runs of a shift."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

SCORES = ("mIoU",)  # beside those with a dot, of a class or of bursts
FIGURES = ("acc_domain", "changed", "sure")  # of methods, in percent


def kept(
    file: Path, weights: Sequence[str], measure: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
    """What was measured of weights, and is measured again if these are others.

    Args:
        file: JSON file of the measurement.
        weights: Files of weights.
        measure: Called with these files; its values can be written as JSON.
    """
    from mmseg_splashkd.files import file_sha256, write_whole

    of = [file_sha256(each) for each in weights]
    if file.is_file():
        before = json.loads(file.read_text())
        if before["of"] == of:
            return before["measured"]
    measured = measure(*weights)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps({"of": of, "measured": measured}, indent=1) + "\n")
    return measured


def short(result: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a run: scores on the target, signs, losses, time and machine."""
    failed = [key for key in ("refused", "diverged") if key in result]
    if failed:
        return {key: result[key] for key in ("arm", "seed", *failed)}
    about = {k: result[k] for k in ("arm", "seed", "seconds", "hardware", "signs")}
    scores = {
        k: round(v, 4) for k, v in result["test"].items() if k in SCORES or "." in k
    }
    last = {
        k: round(v, 4)
        for k, v in result.get("train", {}).items()
        if "loss" in k or k in FIGURES
    }
    best = {"best": round(result["best"], 4)} if result.get("best") else {}
    return {**about, "test": scores, **best, **({"train": last} if last else {})}
