"""A test of a deployed file, as of weights."""

from pathlib import Path
from typing import Any

from mmseg_splashkd.config.data_check import coding_of
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.deploy.deployed_file import read_meta
from mmseg_splashkd.deploy.segmentor import DeployedSegmentor
from mmseg_splashkd.evaluation.operating_point import STORED
from mmseg_splashkd.runs.test import TestMetrics, evaluate


def evaluate_file(
    config: str | Path,
    file: str | Path,
    engine: str | None = None,
    threads: int | None = None,
    threshold: str | float | None = None,
    **options: Any,
) -> TestMetrics:
    """Test a deployed file on the test part of a config.

    Args:
        config: Config with the data; its model is not built.
        file: ONNX file, or OpenVINO's ``.xml``.
        engine: Name, one of ``ENGINES``; None: ONNX Runtime if it can run the file.
        threads: Number of threads, from 1; None: one for each core.
        threshold: None and ``'stored'``: as the file decides, by its threshold if it
            has one. A number replaces it.
        **options: Further arguments of ``evaluate``.

    Raises:
        FileNotFoundError, ImportError: See ``open_engine``.
        ValueError: ``'stored'``, and the file has no threshold; the classes of config
            and file differ; ``tta``; several processes; or as for ``evaluate``.
    """
    meta = read_meta(file)
    check_classes(config, file, options.get("cfg_options"))
    if options.get("tta"):
        raise ValueError(
            "--tta flips frames in the pipeline, which a deployed file does not use: "
            "leave it out"
        )
    if (launcher := options.get("launcher", "none")) != "none":
        raise ValueError(
            f"--launcher {launcher}: an exported file is tested in one process, whose "
            f"engine has several threads. Leave it out"
        )
    if threshold == STORED:
        if not meta.thresholds:
            raise ValueError(
                f"--threshold {STORED}: {file} has no threshold, and predicts the most "
                f"likely class. Export weights that hold an operating point, or give "
                f"a number"
            )
        threshold = None
    model = {**_model(file, engine), "threads": threads}
    return evaluate(config, file, threshold=threshold, model=model, **options)


def evaluate_deployed(
    config: str | Path,
    checkpoint: str | Path,
    engine: str,
    **options: Any,
) -> TestMetrics:
    """Test the deployed function of weights in PyTorch, as a file would compute it.

    Args:
        config: Config of the weights.
        checkpoint: The weights.
        engine: Name, one of ``PYTORCH``.
        **options: Further arguments of ``evaluate``.
    """
    of_weights = {"config": str(config), "cfg_options": options.get("cfg_options")}
    model = {**_model(checkpoint, engine), **of_weights}
    return evaluate(config, checkpoint, model=model, **options)


def _model(exported: str | Path, engine: str | None) -> dict[str, Any]:
    kind = DeployedSegmentor.__name__
    return {"type": kind, "exported": str(exported), "engine": engine}


def check_classes(
    config: str | Path, file: str | Path, cfg_options: dict[str, Any] | None = None
) -> None:
    """Check that a config's data have the classes of a deployed file.

    Raises:
        ValueError: They differ.
    """
    cfg = read_config(config, cfg_options)
    own, its = tuple(coding_of(cfg).classes), read_meta(file).classes
    if own != its:
        raise ValueError(
            f"{file} predicts {', '.join(its)}, and the data of {config} have the "
            f"classes {', '.join(own)}: give the config that it was exported with"
        )
