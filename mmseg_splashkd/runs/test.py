"""One test run, from the command line or from Python."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import LoggerHook
from mmengine.runner import Runner

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.data_check import check_tested, coding_of
from mmseg_splashkd.config.data_root import check_data_root
from mmseg_splashkd.config.devices import (
    check_devices,
    leave_distributed,
    prepare_distributed,
)
from mmseg_splashkd.config.faults import parts_of
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.temporal_check import check_clips
from mmseg_splashkd.config.tta import check_tta
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import loader_leaves, metrics_of, plain_model
from mmseg_splashkd.config.wrapper_checks import check_evaluated
from mmseg_splashkd.evaluation import CrossEntropyMetric, DiceMetric
from mmseg_splashkd.evaluation.frame_files import frame_names
from mmseg_splashkd.evaluation.operating_point import (
    STORED,
    OperatingPointEvaluator,
    parse_threshold,
    stored_point,
)
from mmseg_splashkd.files import check_writable
from mmseg_splashkd.hooks.finite_predictions_hook import FinitePredictionsHook
from mmseg_splashkd.hooks.flicker_hook import FlickerHook
from mmseg_splashkd.hooks.frame_scores_hook import TEST, FrameScoresHook
from mmseg_splashkd.records.record import FINISHED
from mmseg_splashkd.records.store import run_of_weights
from mmseg_splashkd.records.traces import status_words
from mmseg_splashkd.runs.dry_pass import DryPassHook
from mmseg_splashkd.runs.needed_hooks import has_classes
from mmseg_splashkd.runs.out_of_memory import lack_of_memory_named
from mmseg_splashkd.runs.runner import SafeRunner
from mmseg_splashkd.runs.train import WORK_DIRS, set_experiment_name
from mmseg_splashkd.unwritable import writing

TEST_KEYS = ("test_dataloader", "test_evaluator", "test_cfg")


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
    model: dict[str, Any] | None = None,
) -> "TestMetrics":
    """Test a checkpoint on the test part.

    A distillation config and the plain config of its student yield the same metrics for
    the same file; the teacher is not built.

    Args:
        config: Config file.
        checkpoint: ``.safetensors`` file or checkpoint, or a pattern that fits one.
        work_dir: Folder for logs; by default ``work_dirs/<config>_test``.
        show_dir: Folder for images of frame, label and prediction side by side,
            ``<recording>/<stem>.png``; large ones are scaled down.
        out: Folder for predictions, ``<recording>/<stem>.png``.
        out_coding: Pixel values of predictions: ``'train_ids'``, ``'gray'`` (values of
            the data set) or ``'colour'``.
        scores: File for the confusion counts of every frame (``.npz``); by default
            ``<work_dir>/scores.npz``, or ``scores_<weights>.npz`` beside it if that
            holds another test.
        tta: Average over the frame and its horizontal flip.
        threshold: Predict the focus class (the last, or that of ``FrameScoresHook`` in
            the config) where its probability is at least this value in [0, 1];
            ``'stored'`` uses the threshold that was chosen on the validation part and
            stored with the weights. By default the argmax is predicted.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        cfg_options: Dotted config keys to override.
        model: Config of a model that reads ``checkpoint`` itself, in place of the
            config's own; its attribute ``about`` identifies its scores.

    Returns:
        The metrics by name, with those of bursts where frames have time stamps; its
        attribute ``scores`` is the file of the counts.

    Raises:
        FileExistsError: ``scores`` holds another test.
        FileNotFoundError: Config, checkpoint or data are missing.
        ValueError: The config has no test part, a frame of it would count several
            times, all its labels ignore every pixel, classes or position embedding of
            checkpoint, model and data differ, the checkpoint is damaged or holds code,
            ``threshold`` is neither a probability nor stored, or is combined with
            ``tta``, which yields no probabilities; or two frames would be written to
            one file. NotFiniteError: Predictions are NaN: the run of the weights
            diverged. RuntimeError: The checkpoint does not fit the model.
    """
    cfg = read_config(config, cfg_options)
    _check_testable(cfg, config)
    hook = _counting_hook(cfg)
    _drop_training(cfg)
    check_devices(cfg)
    check_data_root(cfg, "test_dataloader")
    check_evaluated(cfg, "test_dataloader")
    cfg.model = plain_model(cfg.model) if model is None else model
    cfg.launcher = launcher
    cfg.load_from = str(find_checkpoint(str(checkpoint))) if model is None else None
    cfg.resume = False
    cfg.work_dir = str(work_dir or _work_dir(config))
    set_experiment_name(cfg)
    hook["test_file"] = None if scores is None else str(scores)
    decision = _decide_by(cfg, threshold, hook)
    if tta and is_a(cfg.test_evaluator, OperatingPointEvaluator):
        raise ValueError(
            "--tta averages classes over flips and yields no probabilities, which a "
            "threshold needs: use only one of them"
        )
    if has_classes(cfg.model):
        cfg.custom_hooks.append(hook)
    else:
        _refuse_classes(
            tta=tta, threshold=threshold, show_dir=show_dir, out=out, scores=scores
        )
    with parts_of(cfg):
        warnings = check_tested(cfg)
    if show_dir is not None:
        cfg.custom_hooks.append(
            {
                "type": "PaintFramesHook",
                "out_dir": str(show_dir),
                "focus_class": hook["focus_class"],
            }
        )
    if out is not None:
        _write_predictions(cfg, out, out_coding)
    if tta:
        check_tta(cfg)
        _average_flips(cfg)
    counted = None if scores is None else Path(scores).parent
    written = {"--show-dir": show_dir, "--out": out, "--scores": counted}
    for argument, folder in written.items():
        if folder is not None:
            check_writable(folder, argument)
    prepare_distributed(cfg, launcher)
    with writing(cfg.work_dir):  # logs
        runner = SafeRunner.from_cfg(cfg)
    _name_predictions(runner)
    _log_in_first_process(runner)
    runner.register_hook(DryPassHook())
    runner.register_hook(FinitePredictionsHook())
    if model is None and (warning := _unfinished(cfg.load_from)) is not None:
        runner.logger.warning(warning)
    for finding in warnings:
        runner.logger.warning(f"data check: {finding}")
    if decision is not None:
        runner.logger.info(decision)
    with lack_of_memory_named(), writing(cfg.work_dir):
        metrics = runner.test()
    leave_distributed(launcher)
    counting = (h.target for h in runner.hooks if isinstance(h, FrameScoresHook))
    target = next(counting, None) or scores_file(config, work_dir, scores)
    return TestMetrics(metrics, target)


class TestMetrics(dict[str, float]):
    """Metrics by name.

    Args:
        metrics: The metrics.
        scores: File of the counts of every frame, which a model without classes does
            not write.
    """

    __test__ = False  # for pytest: this is no test case

    def __init__(self, metrics: dict[str, float], scores: Path) -> None:
        super().__init__(metrics)
        self.scores = scores


def _log_in_first_process(runner: Runner) -> None:
    """Let one process write the metrics: mmengine's hook does so in all, at once."""
    if runner.rank > 0:
        kept = [hook for hook in runner.hooks if not isinstance(hook, LoggerHook)]
        runner.hooks[:] = kept


def _name_predictions(runner: Runner) -> None:
    """Name predictions ``<recording>/<stem>``; refuse equal names before the test."""
    loop: Any = runner.test_loop
    metrics = [each for each in loop.evaluator.metrics if isinstance(each, DiceMetric)]
    files = [metric.files for metric in metrics if metric.files is not None]
    if files:
        names = frame_names(loop.dataloader.dataset)
        for each in files:
            each.names = names


def _check_testable(cfg: Config, config: str | Path) -> None:
    missing = [key for key in TEST_KEYS if not cfg.get(key)]
    if missing:
        raise ValueError(
            f"{config} has no {' and no '.join(missing)}: a test needs "
            f"{', '.join(TEST_KEYS)}, such as test_dataloader = val_dataloader, "
            f"test_evaluator = val_evaluator and test_cfg = dict(type='TestLoop')"
        )


def _refuse_classes(**given: Any) -> None:
    """Refuse arguments that act on classes, for a model that regresses maps.

    Raises:
        ValueError: One is given.
    """
    if named := [name for name, value in given.items() if value not in (None, False)]:
        shown = ", ".join(f"--{name.replace('_', '-')}" for name in named)
        raise ValueError(
            f"{shown}: for predictions of classes, and a DepthEstimator predicts maps. "
            f"Leave it out; the metrics are printed"
        )


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
    """The file of counts that ``evaluate`` writes, given the same arguments.

    Where that holds the scores of another test, ``evaluate`` writes another file beside
    it: see the ``scores`` of what it returns.
    """
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
        "metrics": metrics_of(cfg.test_evaluator),
        "threshold": threshold,
        "focus_class": name,
    }
    return f"{name or 'the last class'} is decided by p >= {threshold:.4f}, {origin}"


def writers_of(evaluator: Any) -> list:
    """The metrics of an evaluator's config that can write predicted label maps."""
    return [each for each in metrics_of(evaluator) if is_a(each, DiceMetric)]


def _write_predictions(cfg: Config, out: str | Path, coding: str) -> None:
    writers = writers_of(cfg.test_evaluator)
    if not writers:
        raise ValueError(
            "--out needs a DiceMetric in test_evaluator, which writes the predictions: "
            "add dict(type='DiceMetric')"
        )
    writers[0].output_dir = str(out)
    if coding != "train_ids":
        writers[0].output_coding = coding
        writers[0].label_coding = asdict(coding_of(cfg))


def _average_flips(cfg: Config) -> None:
    if not cfg.get("tta_pipeline"):
        raise ValueError(
            "--tta needs the key tta_pipeline in the config, which loads a frame and "
            "its flip: see configs/_base_/loaders/time_split.py"
        )
    cfg.tta_model = cfg.get("tta_model") or {"type": "SegTTAModel"}
    for leaf in loader_leaves(cfg, "test_dataloader"):
        leaf.pipeline = cfg.tta_pipeline
    check_clips(cfg)
    cfg.tta_model.module = cfg.model
    cfg.model = cfg.tta_model
    # The average is a class, not a logit: it has no cross-entropy.
    metrics = [
        each
        for each in metrics_of(cfg.test_evaluator)
        if not is_a(each, CrossEntropyMetric)
    ]
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
    hooks = [h for h in cfg.get("custom_hooks") or [] if is_a(h, FlickerHook)]
    cfg.custom_hooks = [{"type": "ClassesHook"}, *hooks]
