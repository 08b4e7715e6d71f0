"""A look at the labels of a config before a run: whether they show anything at all."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmseg_splashkd.config.frames import listed_of, part_of
from mmseg_splashkd.config.leaf_coding import leaf_coding
from mmseg_splashkd.config.types import classes
from mmseg_splashkd.config.walk import LOADERS, leaves
from mmseg_splashkd.datasets.checks import Finding
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import IGNORE, LabelCoding, read_gray
from mmseg_splashkd.evaluation.frame_scores import focus_index

PACKAGES = ("mmcv", "mmengine", "mmseg", "mmseg_splashkd")
TEXTS = {
    "all_ignored": "all {number} labels of {part} ignore every pixel: there is nothing "
    "to learn from them, and no score is defined on them",
    "no_splash": "no frame of {part} has {name}: its Dice is undefined or 0",
}


def label_findings(cfg: Config) -> list[Finding]:
    """Parts whose labels ignore every pixel, or never show the focus class.

    Labels of a part are read until one shows the class, usually the first. None is read
    where the split table lists shares of the class. The class is that which a hook
    names as ``focus_class``, or the last of two; of more classes, none is looked for.
    Labels that cannot be read are left to the loaders, which name them, and those of a
    data set whose pipeline has transforms of other packages are not looked at.
    """
    found: dict[tuple[str, ...], Finding] = {}
    for loader in filter(cfg.get, LOADERS):
        looked = list(_labels(cfg, loader))
        paths = tuple(frame.label for frame, _, _ in looked)
        if paths not in found and (code := _fault(looked)):
            _, coding, focus = looked[0]
            name = "" if focus is None else coding.classes[focus]
            text = TEXTS[code].format(
                part=part_of(loader), number=len(paths), name=name
            )
            found[paths] = Finding("error", code, text)
    return list(found.values())


Looked = tuple[Frame, LabelCoding, int | None]


def _labels(cfg: Config, loader: str) -> Iterator[Looked]:
    """Labelled frames, with their coding and focus class."""
    for leaf in leaves(cfg[loader].dataset, targets=False):
        frames = listed_of(leaf)
        if not frames or not _has_plain_labels(leaf):
            continue
        try:
            coding = leaf_coding(leaf)
        except Exception:  # a foreign data set may be built in any way
            continue
        focus = _focus(cfg, coding)
        for listed in frames:
            if listed.label and Path(listed.label).is_file():
                yield listed.frame, coding, focus


def _has_plain_labels(leaf: Mapping[str, Any]) -> bool:
    """Whether no transform of another package may change the meaning of labels."""
    kinds = [
        kind
        for step in leaf.get("pipeline") or ()
        for kind in (list(classes(step.get("type"))) or [None])
    ]
    return all(k and k.__module__.partition(".")[0] in PACKAGES for k in kinds)


def focus_name(cfg: Config) -> str | None:
    """The class that a hook of a config names as ``focus_class``; None without one."""
    hooks = [h for h in cfg.get("custom_hooks") or () if isinstance(h, Mapping)]
    return next(filter(None, (hook.get("focus_class") for hook in hooks)), None)


def _focus(cfg: Config, coding: LabelCoding) -> int | None:
    name = focus_name(cfg)
    name = name if name in coding.classes else None
    if name is None and len(coding.classes) != 2:
        return None
    return focus_index(coding.classes, name)


def _fault(looked: list[Looked]) -> str:
    """Code of what is wrong with all labels of a part; empty if nothing is."""
    if any(frame.splash_share for frame, _, _ in looked):
        return ""
    fault = ""
    for frame, coding, focus in looked:
        try:
            ids = coding.to_train_ids(read_gray(frame.label), frame.label)
        except ValueError:
            return ""
        wanted = ids != IGNORE if focus is None else ids == focus
        if wanted.any():
            return ""
        if fault != "no_splash":
            fault = "no_splash" if np.any(ids != IGNORE) else "all_ignored"
    return fault
