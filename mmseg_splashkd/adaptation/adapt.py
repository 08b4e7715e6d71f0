"""Adapts a network to the frames of another camera, and looks at what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.adaptation.asked import (
    asked_of,
    asked_of_student,
    check_asked,
    keep_to,
)
from mmseg_splashkd.adaptation.config_file import (
    PLAIN,
    adapted_schedule,
    check_adaptable,
    of_this_length,
    stopping,
    write_plain,
)
from mmseg_splashkd.adaptation.doubts import doubts
from mmseg_splashkd.adaptation.evidence import best_method, shipped_evidence
from mmseg_splashkd.adaptation.methods import method_of, rare_class_sampler
from mmseg_splashkd.adaptation.signs import Signs, signs_of
from mmseg_splashkd.adaptation.steps import WHOLE, Steps, chain
from mmseg_splashkd.adaptation.target_frames import TargetFrames, list_target
from mmseg_splashkd.adaptation.teaching import check_student
from mmseg_splashkd.adaptation.whole_frames import frames_of_target
from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.class_shares import ClassShares, class_shares
from mmseg_splashkd.config.frames import time_splits
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.runs.open_network import open_network


@dataclass(frozen=True)
class Adapted:
    """An adapted network, and what can be seen without labels.

    Attributes:
        cfg: The segmentor's own config.
        start: Its weights before.
        weights: Those after, which fit the same config.
        method: Name of the method.
        shares: Frames and classes of the source's labels.
        before: Predictions on the target before.
        after: Predictions after, compared with those before.
        target: Frames of the target.
        stops: Whether those with a label chose the weights.
    """

    cfg: Config
    start: Path
    weights: Path
    method: str
    shares: ClassShares
    before: Signs
    after: Signs
    target: TargetFrames
    stops: bool = False

    @property
    def doubts(self) -> list[str]:
        """Reasons to doubt it."""
        shares, classes = self.shares.shares, self.shares.classes
        return list(doubts(self.before, self.after, shares, classes))


def adapt(
    config: str,
    checkpoint: str,
    target: Path,
    folder: Path,
    method: str | None = None,
    length: int | None = None,
    cfg_options: Mapping[str, Any] | None = None,
    needs_labels: bool = False,
    stops: bool = False,
    student: Config | None = None,
) -> Adapted:
    """Adapt, or go on with an interrupted adaptation.

    Args:
        config: Config of the segmentor.
        checkpoint: Its weights, trained on the source.
        target: Folder of frames of the target, see ``list_target``.
        folder: Folder of configs and runs, of one adaptation by any methods.
        method: One of ``METHODS``; default None: the one that the evidence supports.
        length: Iterations, or epochs; default None: half of the config's, and all of
            them for a new network that is taught.
        cfg_options: Dotted config keys to override.
        needs_labels: Whether some frames of the target must have a label.
        stops: Whether labelled frames of the target, which are then not trained on,
            choose among the weights of up to eight moments.
        student: Config of a student that will be taught in the same folder; another one
            than before is refused at once.

    Raises:
        FileNotFoundError: Weights, target or frames are missing.
        ValueError: The config cannot be adapted, the target has no frames, or no
            label although ``needs_labels`` or ``stops``, the method trains nothing that
            could stop, the method is unknown or none is supported by evidence,
            ``length`` is below 1, or the folder holds another adaptation.
        PoorStartError: The weights are too poor for the method.
    """
    cfg = read_config(config, dict(cfg_options or {}))
    check_adaptable(cfg)
    start = find_checkpoint(checkpoint)
    before = open_network(cfg, start)
    name = method or best_method(shipped_evidence(), before.num_classes == 2)
    if method_of(name).taught is not None:
        check_student(cfg)
    if method_of(name).rare:
        rare_class_sampler(cfg)
    if stops and method_of(name).has_no_training:
        raise ValueError(f"{name} trains nothing that --stop-on-labels could stop")
    (source,) = time_splits(cfg.train_dataloader.dataset)
    found = list_target(target, source.timestamp)
    if needs_labels or stops:
        found.check_labelled("--stop-on-labels" if stops else "--score")
    if stops:
        found.check_unlabelled()
    changed = adapted_schedule(cfg, length)
    whole = cfg if length is None else of_this_length(cfg, length)
    if stops:
        labelled = found.labelled_table(folder)
        changed, whole = (stopping(each, labelled) for each in (changed, whole))
    shares = class_shares(cfg)
    asked = asked_of((changed, whole), start, found, stops)
    if student is not None:
        check_asked(folder, asked_of_student(student, name))
    keep_to(folder, asked)
    found.write(folder, without_labelled=stops)
    write_plain(folder / PLAIN, changed)
    write_plain(folder / WHOLE, whole)
    steps, weights = Steps(folder, found.table(folder), stops), start
    for each in chain(name):
        weights = steps.take(each, weights)
    frames = frames_of_target(cfg, steps.table)
    after = open_network(cfg, weights)
    return Adapted(
        cfg=cfg,
        start=start,
        weights=weights,
        method=name,
        shares=shares,
        before=signs_of(before, before, frames),
        after=signs_of(after, before, frames),
        target=found,
        stops=stops,
    )
