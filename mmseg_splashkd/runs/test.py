"""One test run."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.devices import (
    check_devices,
    leave_distributed,
    prepare_distributed,
)
from mmseg_splashkd.config.reading import (
    check_data_root,
    dataset_of,
    plain_model,
    read_config,
)
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.evaluation import CrossEntropyMetric, DiceMetric
from mmseg_splashkd.evaluation.operating_point import (
    STORED,
    OperatingPointEvaluator,
    parse_threshold,
    stored_point,
)
from mmseg_splashkd.hooks.frame_scores_hook import TEST, FrameScoresHook
from mmseg_splashkd.runs.runner import SafeRunner
from mmseg_splashkd.runs.train import WORK_DIRS, set_experiment_name


def evaluate(
    config: str | Path,
    checkpoint: str | Path,
    work_dir: str | Path | None = None,
    show_dir: str | Path | None = None,
    out: str | Path | None = None,
    out_coding: str = "train_ids",
    scores: str | Path | None = None,
    tta: bool = False,
    threshold: str | float | None = None,
    launcher: str = "none",
    cfg_options: dict[str, Any] | None = None,
) -> dict[str, float]:
    """Test a checkpoint on the test part.

    A config that distils and the plain config of its student test the same file to the
    same figures; the teacher is not built.

    Args:
        config: Config file.
        checkpoint: ``.safetensors`` file or checkpoint, or a pattern that fits one.
        work_dir: Where logs go; by default ``work_dirs/<config>_test``.
        show_dir: Write frame, truth and prediction side by side here, a PNG a frame.
        out: Write predictions here, a PNG a frame.
        out_coding: What they hold: ``'train_ids'``, or the data set's own ``'gray'``
            values, or ``'colour'``.
        scores: Write each frame's counts here, an ``.npz`` file; by default
            ``<work_dir>/scores.npz``.
        tta: Average over the flipped frame too.
        threshold: Predict the class looked at (the last, or what ``FrameScoresHook`` of
            the config names) where its probability is at least this, or ``'stored'``:
            at least what was chosen on the validation part and stored with the
            weights. By default the argmax decides.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        cfg_options: Dotted config keys to override.

    Returns:
        The metrics by name, with those of bursts where frames tell their time.

    Raises:
        FileNotFoundError: Config, checkpoint or data are missing.
        ValueError: Classes or position embedding of checkpoint, model and data differ,
            the checkpoint is damaged or wants to run code, or ``threshold`` is neither
            a probability nor stored, or meets ``tta``, which leaves no probabilities.
        RuntimeError: The checkpoint does not fit the model.
    """
    cfg = read_config(config, cfg_options)
    hook = _counting_hook(cfg)
    _drop_training(cfg)
    check_devices(cfg)
    check_data_root(cfg, "test_dataloader")
    cfg.model = plain_model(cfg.model)
    cfg.launcher = launcher
    cfg.load_from = str(find_checkpoint(str(checkpoint)))
    cfg.resume = False
    cfg.work_dir = str(work_dir or _work_dir(config))
    set_experiment_name(cfg)
    hook["test_file"] = str(scores_file(config, work_dir, scores))
    decision = _decide_by(cfg, threshold, hook)
    if tta and is_a(cfg.test_evaluator, OperatingPointEvaluator):
        raise ValueError(
            "--tta averages classes over flips and leaves no probabilities, which a "
            "threshold needs: leave out one of them"
        )
    cfg.custom_hooks.append(hook)
    if show_dir is not None:
        cfg.custom_hooks.append({"type": "PaintFramesHook", "out_dir": str(show_dir)})
    if out is not None:
        _write_predictions(cfg, out, out_coding)
    if tta:
        _average_flips(cfg)
    prepare_distributed(cfg, launcher)
    runner = SafeRunner.from_cfg(cfg)
    if decision is not None:
        runner.logger.info(decision)
    metrics = runner.test()
    leave_distributed(launcher)
    return metrics


def scores_file(
    config: str | Path,
    work_dir: str | Path | None = None,
    scores: str | Path | None = None,
) -> Path:
    """Where ``evaluate`` writes each frame's counts, given the same arguments."""
    return Path(scores or Path(work_dir or _work_dir(config)) / TEST)


def _work_dir(config: str | Path) -> Path:
    return WORK_DIRS / f"{Path(config).stem}_test"


def _counting_hook(cfg: Config) -> dict[str, Any]:
    """A hook that looks at the class that the one of the config looks at."""
    hooks = [h for h in cfg.get("custom_hooks") or [] if is_a(h, FrameScoresHook)]
    return {
        "type": FrameScoresHook.__name__,
        "focus_class": hooks[0].get("focus_class") if hooks else None,
    }


def _decide_by(
    cfg: Config, threshold: str | float | None, hook: dict[str, Any]
) -> str | None:
    """Let a threshold decide for the class that the hook looks at; say how."""
    if threshold is None:
        return None
    threshold, origin = parse_threshold(threshold), "as given"
    if threshold == STORED:
        point = stored_point(cfg.load_from)
        hook["focus_class"], threshold = point["class"], point["threshold"]
        origin = (
            f"chosen on {point['frames']} validation frames at iteration "
            f"{point['iteration']}, where its Dice was {point['dice']:.2f} "
            f"({point['dice_at_half']:.2f} at 0.5)"
        )
    name = hook["focus_class"]
    cfg.test_evaluator = {
        "type": OperatingPointEvaluator.__name__,
        "metrics": _metrics(cfg),
        "threshold": threshold,
        "focus_class": name,
    }
    return f"{name or 'the last class'} is decided by p >= {threshold:.4f}, {origin}"


def _metrics(cfg: Config) -> list:
    metrics = cfg.test_evaluator
    if isinstance(metrics, dict):  # a metric, or an evaluator of some
        metrics = metrics.get("metrics", metrics)
    return [metrics] if isinstance(metrics, dict) else list(metrics)


def _write_predictions(cfg: Config, out: str | Path, coding: str) -> None:
    writers = [metric for metric in _metrics(cfg) if is_a(metric, DiceMetric)]
    if not writers:
        raise ValueError("--out needs a DiceMetric in test_evaluator, which writes it")
    writers[0].output_dir = str(out)
    if coding != "train_ids":
        dataset = dataset_of(cfg, "test_dataloader")
        if not is_a(dataset, TimeSplitDataset):
            raise ValueError(
                f"--out-coding {coding} needs the label_coding of a TimeSplitDataset, "
                f"the test data are a {dataset.type}"
            )
        writers[0].output_coding = coding
        writers[0].label_coding = dataset.get("label_coding", "splash")


def _average_flips(cfg: Config) -> None:
    dataset_of(cfg, "test_dataloader").pipeline = cfg.tta_pipeline
    cfg.tta_model.module = cfg.model
    cfg.model = cfg.tta_model
    # The averaged answer is a class, not a logit: there is no cross-entropy of it.
    metrics = [each for each in _metrics(cfg) if not is_a(each, CrossEntropyMetric)]
    if "metrics" in cfg.test_evaluator:
        cfg.test_evaluator["metrics"] = metrics
    else:
        cfg.test_evaluator = metrics


def _drop_training(cfg: Config) -> None:
    for part in ("train", "val"):
        for key in ("dataloader", "cfg", "evaluator"):
            cfg.pop(f"{part}_{key}", None)
    for key in ("optim_wrapper", "param_scheduler"):
        cfg.pop(key, None)
    cfg.custom_hooks = [{"type": "ClassesHook"}]
