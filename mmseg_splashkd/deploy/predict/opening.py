"""The engine of a file: an exported one, or weights with their config."""

from pathlib import Path

import torch
from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.embedded import TRUST
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.deploy.choice import AUTO
from mmseg_splashkd.deploy.deployed_file import SUFFIXES, is_deployed
from mmseg_splashkd.deploy.engines import PYTORCH, Engine, default_engine, open_engine
from mmseg_splashkd.deploy.engines.pytorch import PyTorchEngine
from mmseg_splashkd.deploy.of_config import deployed_of
from mmseg_splashkd.records.store import run_of_weights
from mmseg_splashkd.runs.recorded_config import recorded_config

WEIGHTS = (".safetensors", ".pth", ".pt")


def open_model(
    path: str | Path,
    config: str | Path | None = None,
    engine: str | None = None,
    threads: int | None = None,
) -> Engine:
    """Open an exported file or weights; arguments and errors: ``SplashModel.load``."""
    if threads is not None and threads < 1:
        raise ValueError(f"threads={threads} must be at least 1")
    if engine == AUTO:
        raise ValueError(
            "engine='auto' is measured on pictures: take that of "
            "mmseg_splashkd.deploy.choice.engine_for(file, frames)"
        )
    if is_deployed(path):
        if config is not None:
            raise ValueError(
                f"config={str(config)!r} has no effect: {path} holds what it needs of "
                f"its config. Leave it out"
            )
        return open_engine(engine or default_engine(path), path, threads)
    if Path(path).suffix not in WEIGHTS:
        raise ValueError(
            f"{path} is no model: it takes a file of tools/export.py or "
            f"tools/quantize.py ({', '.join(SUFFIXES)}), or weights "
            f"({', '.join(WEIGHTS)}) with their config"
        )
    engine = engine or PYTORCH[0]
    if engine not in PYTORCH:
        raise ValueError(
            f"engine={engine!r} runs exported files, and {path} are weights: export "
            f"them with tools/export.py, or leave engine out"
        )
    return _open_weights(path, config, engine, threads)


def _open_weights(
    path: str | Path, config: str | Path | None, engine: str, threads: int | None
) -> PyTorchEngine:
    weights = find_checkpoint(str(path), "model")
    cfg = _recorded(weights) if config is None else read_config(str(config), {})
    deployed, meta = deployed_of(cfg, weights)
    if threads is not None:
        torch.set_num_threads(threads)
    return PyTorchEngine(deployed, meta, engine)


def _recorded(weights: Path) -> Config:
    """The config in the record beside weights.

    Raises:
        ValueError: There is none, or it would run code.
    """
    run = run_of_weights(weights)
    if run is None:
        raise ValueError(
            f"{weights} needs its config, and no record of a run lies beside it: give "
            f"--config (config= in Python)"
        )
    try:
        return recorded_config(run.record)
    except ValueError as error:
        reason = str(error).removesuffix(f": {TRUST}")
        raise ValueError(f"{reason}: give --config (config= in Python)") from error
