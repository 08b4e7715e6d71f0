"""Trained weights as a folder that transformers reads."""

from pathlib import Path
from typing import Any

from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_splashkd.checkpoint import find_checkpoint, load_strict, read_checkpoint
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.walk import loader_leaves, plain_model
from mmseg_splashkd.files import check_writable
from mmseg_splashkd.models.foreign_weights import safe_files
from mmseg_splashkd.models.pretrained import hub


def write_trained(
    config: str | Path,
    checkpoint: str | Path,
    out: str | Path,
    part: str = "model",
    cfg_options: dict[str, Any] | None = None,
) -> Path:
    """Write the model of a config with trained weights; see ``hub.write_folder``.

    Args:
        config: Config file; of a distillation, the student is written.
        checkpoint: ``.safetensors`` file or checkpoint, or a pattern that fits one.
        out: The folder.
        part: ``'model'`` or ``'encoder'``.
        cfg_options: Overrides of the config.

    Returns:
        The folder.

    Raises:
        ValueError: The part is no network of transformers.
        RuntimeError: The weights are of another config.
        OSError: A file cannot be read, or the folder cannot be written.
    """
    cfg = read_config(config, cfg_options)
    path = find_checkpoint(str(checkpoint))
    check_writable(out, "out")
    init_default_scope(cfg.get("default_scope") or "mmseg")
    with safe_files(plain_model(cfg.model)) as safe:
        model = MODELS.build(safe)
    read = read_checkpoint(path)
    load_strict(model, read["state_dict"], f"weights {path}")
    meta = read["meta"].get("dataset_meta") or {}
    hub.write_folder(model, out, part, meta.get("classes"), _tested_size(cfg))
    return Path(out)


def _tested_size(cfg: Any) -> tuple[int, int] | None:
    """(H, W) that frames are resized to for a test; None if it is not one size."""
    for leaf in loader_leaves(cfg, "test_dataloader"):
        for step in leaf.get("pipeline", ()):
            scale = step.get("scale")
            if isinstance(scale, tuple | list) and not step.get("keep_ratio"):
                return scale[1], scale[0]
    return None
