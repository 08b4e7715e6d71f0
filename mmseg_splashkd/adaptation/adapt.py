"""Adapts a network to the frames of another camera, and says what can be seen of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_splashkd.adaptation.batch_statistics import (
    target_loader,
    write_with_target_statistics,
)
from mmseg_splashkd.adaptation.config_file import check_adaptable, write_config
from mmseg_splashkd.adaptation.doubts import doubts
from mmseg_splashkd.adaptation.evidence import best_method, shipped_evidence
from mmseg_splashkd.adaptation.methods import METHODS, method_of
from mmseg_splashkd.adaptation.network import open_network
from mmseg_splashkd.adaptation.signs import Signs, signs_of
from mmseg_splashkd.adaptation.target_frames import list_target, write_target_table
from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.class_shares import ClassShares, class_shares
from mmseg_splashkd.config.frames import time_splits
from mmseg_splashkd.config.length import length_key, of_length
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.runs.train_once import WEIGHTS, train_once

RATE = "optim_wrapper.optimizer.lr"
SLOWER = 0.25  # part of the rate of the segmentor's own training
ANY = "minent"  # of any config of pairs, from which data sets are read


@dataclass(frozen=True)
class Adapted:
    """An adapted network, and what can be seen without labels.

    Attributes:
        weights: Its weights, which fit the segmentor's own config.
        method: Name of the method.
        shares: Frames and classes of the source's labels.
        before: Predictions on the target before.
        after: Predictions after, compared with those before.
        labelled: Number of frames of the target with a label.
        table: Split table of the target's frames.
    """

    weights: Path
    method: str
    shares: ClassShares
    before: Signs
    after: Signs
    labelled: int
    table: Path

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
) -> Adapted:
    """Adapt, or go on with an interrupted adaptation.

    Args:
        config: Config of the segmentor.
        checkpoint: Its weights, trained on the source.
        target: Folder of frames of the target, see ``list_target``.
        folder: Folder of configs and runs.
        method: One of ``METHODS``; default None: the one that the evidence supports.
        length: Iterations, or epochs; default None: half of the config's.
        cfg_options: Dotted config keys to override.
        needs_labels: Whether some frames of the target must have a label.

    Raises:
        FileNotFoundError: Weights, target or frames are missing.
        ValueError: The config cannot be adapted, the target has no frames, or no
            label although ``needs_labels``, the method is unknown or none is supported
            by evidence, or ``length`` is below 1.
        PoorStartError: The weights are too poor for the method.
    """
    given = dict(cfg_options or {})
    cfg = read_config(config, given)
    check_adaptable(cfg)
    weights = find_checkpoint(checkpoint)
    start = open_network(cfg, weights)
    name = method or best_method(shipped_evidence(), start.num_classes == 2)
    method_of(name)
    (source,) = time_splits(cfg.train_dataloader.dataset)
    frames = list_target(target, source.timestamp)
    labelled = sum(bool(frame.label) for frame in frames)
    if needs_labels and not labelled:
        raise ValueError(
            f"--score needs labelled frames of {target}: put their labels into "
            f"labels/ of it, with the names of the frames"
        )
    table = write_target_table(folder / "target.csv", frames)
    shares = class_shares(cfg)
    length = _length(cfg, length)
    for each in _chain(name):
        weights = _step(each, cfg, weights, table, folder, length, given)
    pairs = _pairs(cfg, weights, table, folder, given)
    batches = Runner.build_dataloader(target_loader(pairs, 1))
    adapted = open_network(cfg, weights)
    return Adapted(
        weights=weights,
        method=name,
        shares=shares,
        before=signs_of(start, start, batches),
        after=signs_of(adapted, start, batches),
        labelled=labelled,
        table=table,
    )


def _chain(name: str) -> Iterator[str]:
    """The methods of a chain, the first one first."""
    first = METHODS[name].first
    if first is not None:
        yield from _chain(first)
    yield name


def _length(cfg: Config, length: int | None) -> int:
    whole = cfg.train_cfg[length_key(cfg)]
    length = max(1, whole // 2) if length is None else length
    if length < 1:
        raise ValueError(f"length={length} must be at least 1")
    return length


def _pairs(
    cfg: Config, weights: Path, table: Path, folder: Path, given: dict[str, Any]
) -> Config:
    file = write_config(
        folder / "pairs.py", cfg, weights, table, METHODS[ANY].config or {}
    )
    return read_config(str(file), given)


def _step(
    name: str,
    cfg: Config,
    weights: Path,
    table: Path,
    folder: Path,
    length: int,
    given: dict[str, Any],
) -> Path:
    """Weights of one method."""
    method = METHODS[name]
    if method.config is None:
        out = folder / f"weights_{name}.safetensors"
        write_with_target_statistics(
            _pairs(cfg, weights, table, folder, given), weights, out
        )
        return out
    file = write_config(folder / f"{name}.py", cfg, weights, table, method.config)
    options = {
        **given,
        **of_length(cfg, length),
        RATE: SLOWER * cfg.optim_wrapper.optimizer.lr,
    }
    run = folder / name
    train_once(str(file), run, f"{name}_{folder.name}", options)
    (trained,) = run.glob(WEIGHTS)
    return trained
