"""One test run, from the command line or from Python."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.devices import (
    check_devices,
    leave_distributed,
    prepare_distributed,
)
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.training import check_data_root
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import dataset_of, plain_model
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.evaluation import CrossEntropyMetric, DiceMetric
from mmseg_splashkd.evaluation.operating_point import (
    STORED,
    OperatingPointEvaluator,
    parse_threshold,
    stored_point,
)
from mmseg_splashkd.hooks.frame_scores_hook import TEST, FrameScoresHook
from mmseg_splashkd.records.record import FINISHED
from mmseg_splashkd.records.store import run_of_weights
from mmseg_splashkd.records.traces import status_words
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

    A distillation config and the plain config of its student yield the same metrics for
    the same file; the teacher is not built.

    Args:
        config: Config file.
        checkpoint: ``.safetensors`` file or checkpoint, or a pattern that fits one.
        work_dir: Folder for logs; by default ``work_dirs/<config>_test``.
        show_dir: Folder for images of frame, label and prediction side by side, one PNG
            per frame.
        out: Folder for predictions, one PNG per frame.
        out_coding: Pixel values of predictions: ``'train_ids'``, ``'gray'`` (values of
            the data set) or ``'colour'``.
        scores: File for the confusion counts of every frame (``.npz``); by default
            ``<work_dir>/scores.npz``.
        tta: Average over the frame and its horizontal flip.
        threshold: Predict the focus class (the last, or that of ``FrameScoresHook`` in
            the config) where its probability is at least this value in [0, 1];
            ``'stored'`` uses the threshold that was chosen on the validation part and
            stored with the weights. By default the argmax is predicted.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        cfg_options: Dotted config keys to override.

    Returns:
        The metrics by name, with those of bursts where frames have time stamps.

    Raises:
        FileNotFoundError: Config, checkpoint or data are missing.
        ValueError: Classes or position embedding of checkpoint, model and data differ,
            the checkpoint is damaged or holds code, ``threshold`` is neither a
            probability nor stored, or is combined with ``tta``, which yields no
            probabilities.
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
            "--tta averages classes over flips and yields no probabilities, which a "
            "threshold needs: use only one of them"
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
    if (warning := _unfinished(cfg.load_from)) is not None:
        runner.logger.warning(warning)
    if decision is not None:
        runner.logger.info(decision)
    metrics = runner.test()
    leave_distributed(launcher)
    return metrics


def _unfinished(weights: str) -> str | None:
    """A warning that the run of some weights has not finished; None if it has."""
    run = run_of_weights(weights)
    if run is None or run.status == FINISHED:
        return None
    status = status_words(run.status, run.record.reason, run.record.iteration)
    return f"{weights} is of run {run.name}, which has not finished: {status}"


def scores_file(
    config: str | Path,
    work_dir: str | Path | None = None,
    scores: str | Path | None = None,
) -> Path:
    """The file of counts that ``evaluate`` writes, given the same arguments."""
    return Path(scores or Path(work_dir or _work_dir(config)) / TEST)


def _work_dir(config: str | Path) -> Path:
    return WORK_DIRS / f"{Path(config).stem}_test"


def _counting_hook(cfg: Config) -> dict[str, Any]:
    """A hook that counts, with the focus class of the config's own hook."""
    hooks = [h for h in cfg.get("custom_hooks") or [] if is_a(h, FrameScoresHook)]
    return {
        "type": FrameScoresHook.__name__,
        "focus_class": hooks[0].get("focus_class") if hooks else None,
    }


def _decide_by(
    cfg: Config, threshold: str | float | None, hook: dict[str, Any]
) -> str | None:
    """Predict the hook's focus class by a threshold; return a line for the log."""
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
        raise ValueError("--out needs a DiceMetric in test_evaluator")
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
    # The average is a class, not a logit: it has no cross-entropy.
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
