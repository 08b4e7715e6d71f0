"""MLflow, TensorBoard and Weights & Biases (``configs/_base_/tracking``)."""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.visualization import (
    MLflowVisBackend,
    TensorboardVisBackend,
    WandbVisBackend,
)

from mmseg_splashkd.config.keys import TRACKERS
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.records.record import FAILED, STOPPED

# Backend -> the extra that installs what it needs, and the packages in it.
NEEDS = {
    MLflowVisBackend: ("mlflow", ("mlflow", "sqlalchemy", "alembic")),
    TensorboardVisBackend: ("tensorboard", ("tensorboard",)),
    WandbVisBackend: ("wandb", ("wandb",)),
}
TAGS = ("experiment", "fold")
SQLITE = "sqlite:///"
MLFLOW_STATUS = {STOPPED: "KILLED", FAILED: "FAILED"}


def check_trackers(cfg: Config) -> None:
    """Check that the packages of all trackers of a run are installed.

    Raises:
        ImportError: One is not.
    """
    for backend in _backends(cfg):
        for kind, (extra, packages) in NEEDS.items():
            missing = [name for name in packages if find_spec(name) is None]
            if missing and is_a(backend, kind):
                raise ImportError(
                    f"{kind.__name__} tracks this run, and {', '.join(missing)} is not "
                    f"installed: pip install -e '.[{extra}]'"
                )


def use_trackers(cfg: Config) -> None:
    """Add the trackers of a run to its visualizer, under the run's name.

    Args:
        cfg: Config with ``run_name``; changed in place.
    """
    trackers = [_named(dict(cfg[key]), cfg) for key in TRACKERS if cfg.get(key)]
    if trackers:
        if not cfg.get("visualizer"):
            cfg.visualizer = {"type": "SegLocalVisualizer"}
        own = cfg.visualizer.get("vis_backends") or []
        cfg.visualizer.vis_backends = [*own, *trackers]


def _named(backend: dict[str, Any], cfg: Config) -> dict[str, Any]:
    if is_a(backend, MLflowVisBackend):
        tags = {key: str(cfg[key]) for key in TAGS if cfg.get(key) is not None}
        backend.setdefault("run_name", cfg.run_name)
        backend["tags"] = tags | dict(backend.get("tags") or {})
        uri = str(backend.get("tracking_uri"))
        if uri.startswith(SQLITE):  # SQLite creates no folder
            Path(uri.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    if is_a(backend, WandbVisBackend):
        named = {"name": cfg.run_name}
        backend["init_kwargs"] = named | dict(backend.get("init_kwargs") or {})
    return backend


def _backends(cfg: Config) -> list[Any]:
    visualizer = cfg.get("visualizer") or {}
    own = visualizer.get("vis_backends") or []
    backends = [*own, *(cfg[key] for key in TRACKERS if cfg.get(key))]
    return [each for each in backends if isinstance(each, Mapping)]


def close_trackers(cfg: Config, status: str) -> None:
    """End the MLflow run of a run that did not finish.

    mmengine ends it after training alone; the next run of this process would write to
    it too.

    Args:
        cfg: Config of the run.
        status: ``'stopped'`` or ``'failed'``.
    """
    mlflow = sys.modules.get("mlflow")
    backends = _backends(cfg)
    if mlflow is not None and any(is_a(each, MLflowVisBackend) for each in backends):
        mlflow.end_run(MLFLOW_STATUS[status])
