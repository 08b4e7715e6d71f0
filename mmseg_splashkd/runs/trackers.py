"""MLflow, TensorBoard, Weights & Biases, as ``configs/_base_/tracking`` has them."""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmengine.config import Config

# A key of its own each: config files that are joined must not share one.
KEYS = ("track_mlflow", "track_tensorboard", "track_wandb")
# The host's backends -> the extra they need, and the packages in it.
NEEDS = {
    "MLflowVisBackend": ("mlflow", ("mlflow", "sqlalchemy", "alembic")),
    "TensorboardVisBackend": ("tensorboard", ("tensorboard",)),
    "WandbVisBackend": ("wandb", ("wandb",)),
}
MLFLOW, WANDB = "MLflowVisBackend", "WandbVisBackend"
TAGS = ("experiment", "fold")
SQLITE = "sqlite:///"
ENDED = {"stopped": "KILLED", "failed": "FAILED"}  # in MLflow's words


def check_trackers(cfg: Config) -> None:
    """Make sure that what a run is to be tracked with is installed.

    Raises:
        ImportError: It is not.
    """
    for backend in _backends(cfg):
        extra, packages = NEEDS.get(str(backend.get("type")), ("", ()))
        if missing := [name for name in packages if find_spec(name) is None]:
            raise ImportError(
                f"{backend['type']} tracks this run, and {', '.join(missing)} is not "
                f"installed: pip install -e '.[{extra}]'"
            )


def use_trackers(cfg: Config) -> None:
    """Let the visualizer of a run write to its trackers, under the run's name.

    Args:
        cfg: With ``run_name``; changed in place.
    """
    trackers = [_named(dict(cfg[key]), cfg) for key in KEYS if cfg.get(key)]
    if trackers:
        visualizer = cfg.setdefault("visualizer", {"type": "SegLocalVisualizer"})
        own = visualizer.get("vis_backends") or []
        visualizer.vis_backends = [*own, *trackers]


def _named(backend: dict[str, Any], cfg: Config) -> dict[str, Any]:
    if backend["type"] == MLFLOW:
        tags = {key: str(cfg[key]) for key in TAGS if cfg.get(key) is not None}
        backend.setdefault("run_name", cfg.run_name)
        backend["tags"] = tags | dict(backend.get("tags") or {})
        uri = str(backend.get("tracking_uri"))
        if uri.startswith(SQLITE):  # which makes no folder
            Path(uri.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    if backend["type"] == WANDB:
        named = {"name": cfg.run_name}
        backend["init_kwargs"] = named | dict(backend.get("init_kwargs") or {})
    return backend


def _backends(cfg: Config) -> list[Any]:
    visualizer = cfg.get("visualizer") or {}
    own = visualizer.get("vis_backends") or []
    backends = [*own, *(cfg[key] for key in KEYS if cfg.get(key))]
    return [each for each in backends if isinstance(each, Mapping)]


def close_trackers(cfg: Config, how: str) -> None:
    """End the MLflow run of a run that did not come to its end.

    The host ends it after training alone; the next run of this process would go on
    writing to it.
    """
    mlflow = sys.modules.get("mlflow")
    if mlflow is not None and any(b.get("type") == MLFLOW for b in _backends(cfg)):
        mlflow.end_run(ENDED[how])
