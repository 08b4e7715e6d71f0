"""What a tested run was and what came out, as one JSON file for the report."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS

from mmseg_splashkd.checkpoint import find_checkpoint, load_strict, read_checkpoint
from mmseg_splashkd.config.reading import plain_model, read_config
from mmseg_splashkd.evaluation.complexity import measure
from mmseg_splashkd.hooks.teacher_report import read_report

RECORD = "record.json"


def evaluate_and_record(
    config: str | Path,
    work_dir: Path,
    name: str,
    title: str,
    commands: Sequence[str],
    cfg_options: dict[str, Any] | None = None,
) -> Path:
    """Test the best weights of a run, measure the model, write both down.

    Args:
        config: The run's config file.
        work_dir: The run's work directory; predictions and record go there too.
        name: Short name of the run, for tables.
        title: What it is, for people.
        commands: Command lines that repeat it.
        cfg_options: Dotted config keys to override, as in training.

    Returns:
        ``<work_dir>/record.json``; see ``report.load_run`` for its keys.
    """
    # Testing stands on training, and training on the records of this package.
    from mmseg_splashkd.runs.test import evaluate

    cfg = read_config(config, cfg_options)
    checkpoint = find_checkpoint(str(work_dir / "weights_*_best.safetensors"))
    predictions = work_dir / "predictions"
    metrics = evaluate(
        config,
        checkpoint,
        work_dir=work_dir / "test",
        out=predictions,
        cfg_options=cfg_options,
    )
    init_default_scope(cfg.default_scope)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    record = {
        "name": name,
        "title": title,
        "config": str(config),
        "command": "\n".join(commands),
        "checkpoint": str(checkpoint),
        "work_dir": str(work_dir),
        "metrics": metrics,
        "teacher": read_report(work_dir),
        "date": date.today().isoformat(),
        "seed": cfg.randomness.seed,
        "iterations": cfg.train_cfg.max_iters,
        "experiment": cfg.get("experiment"),
        **_describe_data(dataset, predictions),
        **_describe_model(cfg, checkpoint, dataset[0]["inputs"].shape[-2:]),
    }
    path = work_dir / RECORD
    path.write_text(json.dumps(record, indent=1), encoding="utf-8")
    return path


def _describe_data(dataset: BaseDataset, predictions: Path) -> dict[str, Any]:
    samples = [dataset.get_data_info(index) for index in range(len(dataset))]
    classes = dataset.metainfo["classes"]
    identity = {index: index for index in (*range(len(classes)), 255)}
    return {
        "classes": classes,
        "palette": dataset.metainfo["palette"],
        "gray_to_train_id": samples[0]["label_map"] or identity,
        "unknown_label": samples[0].get("unknown_label"),
        "frames": [
            {
                "image": sample["img_path"],
                "label": sample["seg_map_path"],
                "prediction": str(predictions / f"{Path(sample['img_path']).stem}.png"),
            }
            for sample in samples
        ],
    }


def _describe_model(
    cfg: Config, checkpoint: Path, size: tuple[int, int]
) -> dict[str, Any]:
    model = MODELS.build(plain_model(cfg.model))
    load_strict(model, read_checkpoint(checkpoint)["state_dict"], str(checkpoint))
    cost = measure(model, size)
    return {
        "parameters": cost.parameters,
        "gmacs": cost.gmacs,
        "ms_per_frame": cost.ms_per_frame,
        "device": f"CPU, {torch.get_num_threads()} threads",
    }
