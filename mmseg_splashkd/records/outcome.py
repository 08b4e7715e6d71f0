"""What a run left in its work directory: weights, figures, scores of frames."""

import hashlib
import math
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmseg_splashkd.checkpoint import SUFFIX, read_checkpoint
from mmseg_splashkd.hooks.frame_scores_hook import BEST, FOLDER, LAST
from mmseg_splashkd.hooks.teacher_report import read_report

SLACK = 2.0  # seconds: time stamps of some drives are as coarse
KINDS = ("best", "last")


def outcome(work_dir: Path, state: Mapping[str, Any]) -> dict[str, Any]:
    """``metrics``, ``scores``, ``weights`` and ``teacher`` of a run.

    Args:
        work_dir: Of the run.
        state: Its ``run.json``: ``run``, ``began``, ``resumed``, ``teacher``, and
            ``validations``, iteration -> figures.
    """
    validations = state.get("validations") or {}
    weights = {kind: _weights(work_dir, state, kind) for kind in KINDS}
    best = weights["best"] and weights["best"].pop("iteration")
    if weights["last"]:
        weights["last"].pop("iteration")
    last = max(validations, key=int, default=None)
    files = {"best": BEST, "last": LAST}
    scores = {kind: Path(FOLDER, name) for kind, name in files.items()}
    teacher = state.get("teacher")
    return {
        "metrics": {
            "best": validations.get(str(best)),
            "last": validations[last] if last else None,
        },
        "scores": {
            kind: path.as_posix() if _is_new(work_dir / path, state) else None
            for kind, path in scores.items()
        },
        "weights": weights,
        "teacher": teacher and {**(read_report(work_dir) or {}), **teacher},
    }


def _weights(work_dir: Path, state: Mapping[str, Any], kind: str) -> dict | None:
    path = work_dir / f"weights_{state['run']}_{kind}{SUFFIX}"
    if not _is_new(path, state):
        path = _checkpoint(work_dir, kind)
        if path is None or not _is_new(path, state):
            return None
    try:
        found = read_checkpoint(path)
    except ValueError:  # killed while the host wrote it
        return None
    return {
        "path": path.name,
        "sha256": tensors_sha256(found["state_dict"]),
        "iteration": found["meta"].get("iter"),
    }


def _checkpoint(work_dir: Path, kind: str) -> Path | None:
    """The host's own file, where none of ours was exported."""
    pattern = re.compile(
        r"best_.*iter_(\d+)\.pth" if kind == "best" else r"iter_(\d+)\.pth"
    )
    found = [path for path in work_dir.glob("*.pth") if pattern.fullmatch(path.name)]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _is_new(path: Path, state: Mapping[str, Any]) -> bool:
    """Whether a file is there and not of an earlier run in the same folder."""
    if not path.is_file():
        return False
    began = datetime.fromisoformat(state["began"]).timestamp()
    return bool(state.get("resumed")) or path.stat().st_mtime >= began - SLACK


def tensors_sha256(state_dict: Mapping[str, Tensor]) -> str:
    """Hash of names, types, shapes and bits of tensors, whatever file holds them."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state_dict.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        raw = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(raw.numpy().data)
    return digest.hexdigest()


def plain_figures(metrics: Mapping[str, Any]) -> dict[str, float | None]:
    """Figures as JSON can hold them: None for what is no finite number."""
    return {name: _plain(value) for name, value in metrics.items()}


def _plain(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
