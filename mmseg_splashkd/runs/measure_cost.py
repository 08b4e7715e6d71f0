"""Parameters, multiply-accumulates and time per frame of the model of a run."""

from dataclasses import replace
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS

from mmseg_splashkd.checkpoint import load_strict, read_checkpoint
from mmseg_splashkd.config.walk import LOADERS, plain_model
from mmseg_splashkd.evaluation.complexity import measure
from mmseg_splashkd.models.foreign_weights import safe_files
from mmseg_splashkd.records.record import Cost
from mmseg_splashkd.records.store import read_run, write_record
from mmseg_splashkd.runs.recorded_config import recorded_config


def record_cost(work_dir: str | Path) -> Cost:
    """Measure the model of a run on the CPU, and add ``cost`` to its record.

    Of a distilled run, the student is measured; with the best weights, or the last ones
    where there are no best. The frame is the first one of the test part, or of the
    validation or training part where there is no other, as its pipeline yields it.

    Args:
        work_dir: Folder of a recorded run that is not running.

    Returns:
        The measured cost; time depends on the machine and its load.

    Raises:
        FileNotFoundError: There is no record, no weights, or the data are missing.
        ValueError: The run is still running, or its record cannot be read.
    """
    work_dir = Path(work_dir)
    run = read_run(work_dir)
    weights = run and (run.weights_path("best") or run.weights_path("last"))
    if run is None or weights is None:
        raise FileNotFoundError(
            f"work_dir={str(work_dir)!r} holds no recorded run with weights: train it "
            f"by tools/train.py"
        )
    if run.status == "running":
        raise ValueError(f"run {run.name} in {work_dir} is running: wait for its end")
    cost = _measure(recorded_config(run.record), weights)
    write_record(work_dir, replace(run.record, cost=cost))
    return cost


def _measure(cfg: Config, weights: Path) -> Cost:
    init_default_scope(cfg.get("default_scope", "mmseg"))
    loader = next(filter(None, map(cfg.get, reversed(LOADERS))))
    dataset = DATASETS.build(loader["dataset"])
    with safe_files(plain_model(cfg.model)) as safe:
        model = MODELS.build(safe)
    load_strict(model, read_checkpoint(weights)["state_dict"], str(weights))
    measured = measure(model, tuple(dataset[0]["inputs"].shape[-2:]))
    return Cost(
        parameters=measured.parameters,
        gmacs=measured.gmacs,
        ms_per_frame=measured.ms_per_frame,
        device=f"CPU, {torch.get_num_threads()} threads",
    )
