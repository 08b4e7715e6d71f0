"""What the arms of a cell cost: seconds of a training step, of a teacher, of a cache.

The costs are measured apart from the runs, in turn and alone on one machine, because
runs beside one another slow each other down, and may have another machine.
"""

import json
import shutil
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from map_cell import Cell
from study_runs import StudyRun, device_name, results_of

if TYPE_CHECKING:
    from when_it_pays import Study

TEACHER = "the teacher"
FEW_STEPS = 60  # of a teacher of which nothing but the time is asked
DRAWN = 48  # views that are drawn to time the loading
Costs = dict[str, dict[str, float]]


def costs_of(study: "Study", results: Path, needed: Iterable[str]) -> dict[str, Any]:
    """What a step, a view of a cache and the loading of a view take.

    Args:
        study: A cell, and a folder for a teacher of few steps and its cache, which is
            removed afterwards.
        results: File of the cell's results, such as ``toy.json``; the costs are kept
            in ``toy_costs.json``, and measured, of all arms, if that does not exist.
        needed: Arms that must be in the file; others may have been planned later.

    Returns:
        ``arms`` (arm, and the teacher, -> figures), ``hardware`` and ``date``.

    Raises:
        ValueError: A needed arm is not among the arms of the file.
    """
    from mmseg_splashkd.files import write_whole

    file = results.with_name(f"{results.stem}_costs.json")
    if not file.is_file():
        text = {
            "hardware": f"{device_name()}, 1 thread",
            "date": datetime.now(UTC).date().isoformat(),
            "arms": _measured(study),
        }
        shutil.rmtree(study.folder)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(text, indent=1) + "\n")
    kept = json.loads(file.read_text(encoding="utf-8"))
    if missing := set(needed) - kept["arms"].keys():
        raise ValueError(
            f"{file} has no costs of {sorted(missing)}: remove it, and measure again"
        )
    return kept


def charged(cell: Cell, costs: Mapping[str, Any]) -> Costs:
    """Seconds of measured arms: teacher's training, cache, own training.

    A run is charged the whole of its teacher and its cache, as somebody is who needs
    one student. Validations are not counted.

    Args:
        cell: The cell.
        costs: Seconds per step and per view of each arm, and of the teacher, as
            ``costs_of`` returns them.
    """
    arms = costs["arms"]
    return {
        name: {
            "teacher": _training(arms[TEACHER]) if arm.teacher else 0.0,
            "cache": arms[name]["cached"] * arms[name]["views"] if arm.cached else 0.0,
            "own": _training(arms[name]),
        }
        for name, arm in cell.arms.items()
        if name in arms
    }


def _training(of: Mapping[str, float]) -> float:
    """Seconds of a run that keeps its views: each is loaded once.

    The timed steps load all of theirs, since they are the first of their runs.
    """
    drawn = of["iterations"] * of["batch"]
    again = max(0.0, drawn - of["views"])
    return of["step"] * of["iterations"] - of["loading"] * again


def _measured(study: "Study") -> Costs:
    import torch

    from mmseg_splashkd.config.reading import read_config
    from mmseg_splashkd.runs.measure_steps import measure_steps

    torch.set_num_threads(1)
    cell = study.cell
    teacher = study.teacher_run(cell.teacher_seeds[0])
    (short,) = results_of([_of_few_steps(teacher)], 1)
    study.teachers = [short] * len(cell.teacher_seeds)
    study.build_caches(1)
    runs = {name: study.run(name, cell.rates[0], 0) for name in cell.arms}
    configs = {
        name: read_config(run.config, dict(run.options))
        for name, run in {**runs, TEACHER: teacher}.items()
    }
    cached = {name: configs[name] for name, arm in cell.arms.items() if arm.cached}
    steps, views = measure_steps(configs, cached)
    return {
        name: {
            "step": each.seconds.median,
            "iterations": each.iterations,
            "batch": configs[name].train_dataloader.batch_size,
            "cached": views[name].seconds.median if name in views else 0.0,
            **_views(configs[name], each.iterations),
        }
        for name, each in steps.items()
    }


def _views(cfg: Any, iterations: int) -> dict[str, float]:
    """Number of different views in a run, and the seconds to load one."""
    from mmengine.registry import init_default_scope
    from mmseg.registry import DATASETS

    from mmseg_splashkd.datasets.views import View

    init_default_scope("mmseg")
    dataset: Any = DATASETS.build(cfg.train_dataloader.dataset)
    dataset.kept = None
    begin = time.perf_counter()
    for number in range(DRAWN):
        dataset[View(number % len(dataset), 0, number)]
    loading = (time.perf_counter() - begin) / DRAWN
    loader = cfg.train_dataloader
    if (views := loader.sampler.get("views")) is None:  # every view is a new one
        return {"loading": loading, "views": iterations * loader.batch_size}
    return {"loading": loading, "views": len(dataset) * views}


def _of_few_steps(run: StudyRun) -> StudyRun:
    from mmseg_splashkd.config.length import of_length
    from mmseg_splashkd.config.reading import read_config

    cfg = read_config(run.config, dict(run.options))
    options = {**run.options, **of_length(cfg, FEW_STEPS)}
    return run._replace(options=options, tested=False)
