"""Parameters, multiply-accumulates and times per frame of the models of runs."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS

from mmseg_splashkd.checkpoint import load_strict, read_checkpoint
from mmseg_splashkd.config.walk import LOADERS, plain_model
from mmseg_splashkd.evaluation.interleaved import ratios, spread, time_in_turn
from mmseg_splashkd.models.foreign_weights import safe_files
from mmseg_splashkd.models.forward_pass import count_segmentor, timed_pass
from mmseg_splashkd.records.record import Cost, RunRecord, Timing
from mmseg_splashkd.records.store import read_run, write_record
from mmseg_splashkd.runs.recorded_config import recorded_config

ROUNDS = 15


class _Measured(NamedTuple):
    """A run, its model with weights, and the (H, W) of its frames."""

    folder: Path
    record: RunRecord
    model: Any
    size: tuple[int, int]


def record_costs(
    work_dirs: Sequence[str | Path], rounds: int = ROUNDS
) -> dict[Path, Cost]:
    """Measure the models of runs in turn on the CPU, and add ``cost`` to their records.

    Of a distilled run, the student is measured; with the best weights, or the last ones
    where there are no best. The frame has the size of the first one of the test part,
    or of the validation or training part where there is no other, as its pipeline
    yields it.

    Args:
        work_dirs: Folders of recorded runs that are not running. Ratios of times are to
            the first one.
        rounds: Number of timed rounds, in each of which every model runs one frame.

    Returns:
        Work directory -> the measured cost.

    Raises:
        FileNotFoundError: There is no record, no weights, or the data are missing.
        ValueError: A run is still running, or its record cannot be read.
    """
    measured = [_measured(Path(work_dir)) for work_dir in work_dirs]
    passes = {str(each.folder): timed_pass(each.model, each.size) for each in measured}
    seconds = time_in_turn(passes, rounds)
    first, measurement = measured[0], uuid.uuid4().hex
    costs = {}
    for each in measured:
        own = seconds[str(each.folder)]
        ratio = ratios(own, seconds[str(first.folder)])
        times = spread([1000 * second for second in own])
        timing = Timing(
            measurement=measurement,
            rounds=rounds,
            ms_quartiles=(times.low, times.high),
            reference=first.record.name,
            ratio=ratio.median,
            ratio_quartiles=(ratio.low, ratio.high),
        )
        costs[each.folder] = _cost(each, times.median, timing)
        write_record(each.folder, replace(each.record, cost=costs[each.folder]))
    return costs


def _cost(measured: _Measured, milliseconds: float, timing: Timing) -> Cost:
    counted = count_segmentor(measured.model, measured.size)
    return Cost(
        parameters=counted.parameters,
        gmacs=counted.gmacs,
        ms_per_frame=milliseconds,
        device=f"CPU, {torch.get_num_threads()} threads",
        timing=timing,
    )


def _measured(work_dir: Path) -> _Measured:
    run = read_run(work_dir)
    weights = run and (run.weights_path("best") or run.weights_path("last"))
    if run is None or weights is None:
        raise FileNotFoundError(
            f"work_dir={str(work_dir)!r} holds no recorded run with weights: train it "
            f"by tools/train.py"
        )
    if run.status == "running":
        raise ValueError(f"run {run.name} in {work_dir} is running: wait for its end")
    model, size = _built(recorded_config(run.record), weights)
    return _Measured(work_dir, run.record, model, size)


def _built(cfg: Config, weights: Path) -> tuple[Any, tuple[int, int]]:
    init_default_scope(cfg.get("default_scope", "mmseg"))
    loader = next(filter(None, map(cfg.get, reversed(LOADERS))))
    dataset = DATASETS.build(loader["dataset"])
    with safe_files(plain_model(cfg.model)) as safe:
        model = MODELS.build(safe)
    load_strict(model, read_checkpoint(weights)["state_dict"], str(weights))
    height, width = dataset[0]["inputs"].shape[-2:]
    return model, (height, width)
