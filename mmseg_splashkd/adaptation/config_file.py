"""The configs of an adaptation: the segmentor's own, and a few lines on top of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.adaptation_check import has_discriminators
from mmseg_splashkd.config.length import length_key, of_length
from mmseg_splashkd.config.text import config_text
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import leaves, plain_model
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.datasets.views import ViewDataset
from mmseg_splashkd.files import write_whole

PLAIN = "plain.py"
LOOKS = 8  # validations of an adaptation that labelled frames may stop
SLOWER = 0.25  # part of the rate of the segmentor's own training
RATES = ("eta_max", "eta_min")  # of schedulers, beside that of the optimizer
TEXT = """# Adapts a segmentor to the frames of {table}.
#   python tools/train.py {file}
_base_ = "./{plain}"
load_from = {weights!r}
model = dict(
    _delete_=True,
    type="AdaptationSegmentor",
    student=_base_.model,
    method={method!r},
)
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type="SourceTargetDataset",
            source=_base_.train_dataloader.dataset.dataset,
            target=dict(
                _base_.train_dataloader.dataset.dataset,
                data_root="",
                split_table={table!r},
                fold=None,
                embargo=0,
                unlabelled="include",
            ),
        )
    ),{sampler}
)
{optimizer}"""
SAMPLER = "\n    sampler=dict({sampler!r}, _delete_=True),"
CONSTRUCTOR = 'optim_wrapper = dict(constructor="AdaptationOptimConstructor")\n'


def check_adaptable(cfg: Config) -> None:
    """Check, before anything takes time, that a config can be adapted.

    Args:
        cfg: The resolved config of a segmentor.

    Raises:
        ValueError: It distils or adapts already, it does not train on a
            ``TimeSplitDataset`` inside a ``ViewDataset``, it validates on none or on
            several, its optimizer has no rate, or its last weights are not exported.
    """
    name = cfg.filename
    if plain_model(cfg.model) is not cfg.model:
        raise ValueError(
            f"{name} trains a student inside a {cfg.model.type}: give the plain "
            f"config of that student, which fits the same weights"
        )
    dataset = cfg.train_dataloader.dataset
    inner = dataset.get("dataset")
    if not (is_a(dataset, ViewDataset) and inner and is_a(inner, TimeSplitDataset)):
        raise ValueError(
            f"{name} does not train on a TimeSplitDataset inside a ViewDataset: write "
            f"the config of the adaptation as in configs/adaptation/README.md, and "
            f"train it with tools/train.py"
        )
    validated = [*leaves(cfg.val_dataloader.dataset)] if cfg.val_dataloader else []
    if len(validated) != 1 or not is_a(validated[0], TimeSplitDataset):
        raise ValueError(
            f"{name} has no val_dataloader with one TimeSplitDataset, whose pipeline "
            f"reads the frames of the target: set one"
        )
    if "lr" not in cfg.optim_wrapper.get("optimizer", {}):
        raise ValueError(
            f"{name} names no optim_wrapper.optimizer.lr, a part of which is the rate "
            f"of the adaptation: set it"
        )
    best = cfg.default_hooks.get("checkpoint", {}).get("save_best")
    if isinstance(best, list | tuple) and len(best) > 1:
        raise ValueError(
            f"{name} keeps the best of several metrics, {list(best)}, and exports no "
            f"last weights: name one in default_hooks.checkpoint.save_best"
        )


def adapted_schedule(cfg: Config, length: int | None) -> Config:
    """A copy of a config with the length and the rate of an adaptation.

    Args:
        cfg: The resolved config of a segmentor.
        length: Iterations, or epochs; None: half of the config's.

    Raises:
        ValueError: ``length`` is below 1.
    """
    key = length_key(cfg)
    length = max(1, cfg.train_cfg[key] // 2) if length is None else length
    if length < 1:
        raise ValueError(f"length={length} must be at least 1")
    changed = of_this_length(cfg, length)
    changed.optim_wrapper.optimizer.lr *= SLOWER
    for each in changed.get("param_scheduler") or ():
        each.update({name: SLOWER * each[name] for name in RATES if each.get(name)})
    return changed


def of_this_length(cfg: Config, length: int) -> Config:
    """A copy of a config with another number of iterations, or epochs."""
    key, changed = length_key(cfg), Config(cfg.to_dict())
    changed.merge_from_dict(of_length(cfg, length))
    if key in changed:  # the file's own name for it
        changed[key] = length
    return changed


def write_plain(file: Path, cfg: Config) -> Path:
    """Write a resolved config, from which others inherit."""
    return write_whole(file, config_text(cfg))


def frames_of_table(cfg: Config, table: Path, unlabelled: str) -> dict[str, Any]:
    """Config of a data set of whole frames, read as those of the validation part.

    Args:
        cfg: The resolved config of a segmentor.
        table: Split table of frames, all in the training part.
        unlabelled: As of ``TimeSplitDataset``.
    """
    (validated,) = leaves(cfg.val_dataloader.dataset)
    options = {"data_root": "", "split_table": str(table), "split": "train"}
    one_part = {"fold": None, "embargo": 0, "unlabelled": unlabelled}
    return {**validated, **options, **one_part}


def stopping(cfg: Config, table: Path) -> Config:
    """A copy of a config that validates on labelled frames of the target.

    Args:
        cfg: Config of a segmentor, with the length of its training.
        table: Split table of frames with a label, all in the training part.

    Raises:
        ValueError: No metric says which weights are the best.
    """
    if not cfg.default_hooks.get("checkpoint", {}).get("save_best"):
        raise ValueError(
            "the config keeps no best weights, among which labelled frames of the "
            "target could choose: set default_hooks.checkpoint.save_best to a metric"
        )
    changed = Config(cfg.to_dict())
    changed.val_dataloader.dataset = frames_of_table(changed, table, "skip")
    length = changed.train_cfg[length_key(changed)]
    changed.train_cfg.val_interval = -(-length // LOOKS)
    for each in ("val_begin", "dynamic_intervals"):
        changed.train_cfg.pop(each, None)
    # Its frames lie between those of the training: scores are too good, as is said.
    check = dict(changed.get("data_check") or {})
    changed.data_check = {**check, "allow": [*check.get("allow", ()), "overlap"]}
    return changed


def write_scored(file: Path, cfg: Config, table: Path) -> Path:
    """Write a config whose test part is the frames of a table.

    Args:
        file: Python file to write.
        cfg: The resolved config of a segmentor.
        table: Split table of frames with a label, all in the training part.
    """
    changed = Config(cfg.to_dict())
    tested = frames_of_table(changed, table, "skip")
    changed.test_dataloader = {**changed.val_dataloader, "dataset": tested}
    changed.test_evaluator = changed.val_evaluator
    changed.test_cfg = {"type": "TestLoop"}
    return write_whole(file, config_text(changed))


def write_method(
    file: Path,
    weights: Path,
    table: Path,
    method: Mapping[str, Any],
    sampler: Mapping[str, Any] | None = None,
) -> Path:
    """Write the config of a method, beside the plain one that it inherits from.

    Args:
        file: Python file to write.
        weights: Weights of the segmentor, the start.
        table: Split table of the target's frames.
        method: Config of an ``AdaptationMethod``.
        sampler: Config of the sampler; None: that of the plain config.
    """
    text = TEXT.format(
        file=file,
        plain=PLAIN,
        weights=str(weights.resolve()),
        table=str(table.resolve()),
        method=dict(method),
        sampler=SAMPLER.format(sampler=dict(sampler)) if sampler else "",
        optimizer=CONSTRUCTOR if has_discriminators(method) else "",
    )
    return write_whole(file, text)
