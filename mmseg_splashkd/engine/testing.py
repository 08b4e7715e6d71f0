"""One test run."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.engine.config import (
    check_data_root,
    dataset_of,
    plain_model,
    read_config,
)
from mmseg_splashkd.engine.devices import (
    check_devices,
    leave_distributed,
    prepare_distributed,
)
from mmseg_splashkd.engine.frame_scores_hook import TEST
from mmseg_splashkd.engine.runner import SafeRunner
from mmseg_splashkd.engine.training import WORK_DIRS, set_experiment_name


def evaluate(
    config: str | Path,
    checkpoint: str | Path,
    work_dir: str | Path | None = None,
    show_dir: str | Path | None = None,
    out: str | Path | None = None,
    out_coding: str = "train_ids",
    scores: str | Path | None = None,
    tta: bool = False,
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
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        cfg_options: Dotted config keys to override.

    Returns:
        The metrics by name.

    Raises:
        FileNotFoundError: Config, checkpoint or data are missing.
        ValueError: Classes or position embedding of checkpoint, model and data differ,
            or the checkpoint is damaged or wants to run code.
        RuntimeError: The checkpoint does not fit the model.
    """
    cfg = read_config(config, cfg_options)
    _drop_training(cfg)
    check_devices(cfg)
    check_data_root(cfg, "test_dataloader")
    cfg.model = plain_model(cfg.model)
    cfg.launcher = launcher
    cfg.load_from = str(find_checkpoint(str(checkpoint)))
    cfg.resume = False
    cfg.work_dir = str(work_dir or WORK_DIRS / f"{Path(config).stem}_test")
    set_experiment_name(cfg)
    scores = Path(scores or Path(cfg.work_dir) / TEST)
    cfg.custom_hooks.append({"type": "FrameScoresHook", "test_file": str(scores)})
    if show_dir is not None:
        cfg.custom_hooks.append({"type": "PaintFramesHook", "out_dir": str(show_dir)})
    if out is not None:
        _write_predictions(cfg, out, out_coding)
    if tta:
        _average_flips(cfg)
    prepare_distributed(cfg, launcher)
    metrics = SafeRunner.from_cfg(cfg).test()
    leave_distributed(launcher)
    return metrics


def _metrics(cfg: Config) -> list:
    evaluator = cfg.test_evaluator
    return [evaluator] if isinstance(evaluator, dict) else list(evaluator)


def _write_predictions(cfg: Config, out: str | Path, coding: str) -> None:
    writers = [metric for metric in _metrics(cfg) if metric.type == "DiceMetric"]
    if not writers:
        raise ValueError("--out needs a DiceMetric in test_evaluator, which writes it")
    writers[0].output_dir = str(out)
    if coding != "train_ids":
        dataset = dataset_of(cfg, "test_dataloader")
        if dataset.type != "TimeSplitDataset":
            raise ValueError(
                f"--out-coding {coding} needs the label_map of a TimeSplitDataset, the "
                f"test data are a {dataset.type}"
            )
        writers[0].output_coding = coding
        writers[0].label_map = dataset.get("label_map", "splash")


def _average_flips(cfg: Config) -> None:
    dataset_of(cfg, "test_dataloader").pipeline = cfg.tta_pipeline
    cfg.tta_model.module = cfg.model
    cfg.model = cfg.tta_model
    # The averaged answer is a class, not a logit: there is no cross-entropy of it.
    cfg.test_evaluator = [
        metric for metric in _metrics(cfg) if metric.type != "CrossEntropyMetric"
    ]


def _drop_training(cfg: Config) -> None:
    for part in ("train", "val"):
        for key in ("dataloader", "cfg", "evaluator"):
            cfg.pop(f"{part}_{key}", None)
    for key in ("optim_wrapper", "param_scheduler"):
        cfg.pop(key, None)
    cfg.custom_hooks = [{"type": "ClassesHook"}]
