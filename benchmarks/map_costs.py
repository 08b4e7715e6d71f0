"""What the arms of a cell cost: seconds of a training step, of a teacher, of a cache.

The costs are measured apart from the runs, in turn and alone on one machine, because
runs beside one another slow each other down, and may have another machine.
"""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study_runs import StudyRun, device_name, results_of

if TYPE_CHECKING:
    from when_it_pays import Study

TEACHER = "the teacher"
FEW_STEPS = 60  # of a teacher of which nothing but the time is asked
Costs = dict[str, dict[str, float]]


def costs_of(study: "Study", results: Path) -> dict[str, Any]:
    """Seconds of each arm: its teacher's training, the cache, its own training.

    A run is charged the whole of its teacher and its cache, as somebody is who needs
    one student. Validations are not counted.

    Args:
        study: A cell, and a folder for a teacher of few steps and its cache, which is
            removed afterwards.
        results: File of the cell's results, such as ``toy.json``; the costs are kept
            in ``toy_costs.json``, and measured if that does not exist.

    Returns:
        ``seconds`` (arm -> part -> seconds), ``hardware`` and ``date``.
    """
    from mmseg_splashkd.files import write_whole

    file = results.with_name(f"{results.stem}_costs.json")
    if not file.is_file():
        seconds = _measured(study)
        shutil.rmtree(study.folder)
        text = {
            "hardware": device_name(),
            "date": datetime.now(UTC).date().isoformat(),
            "seconds": seconds,
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(text, indent=1) + "\n")
    return json.loads(file.read_text(encoding="utf-8"))


def _measured(study: "Study") -> Costs:
    from mmseg_splashkd.config.reading import read_config
    from mmseg_splashkd.runs.measure_steps import measure_steps

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
    whole = {
        name: each.seconds.median * each.iterations for name, each in steps.items()
    }
    caches = {name: each.seconds.median * each.views for name, each in views.items()}
    return {
        name: {
            "teacher": whole[TEACHER] if arm.teacher else 0.0,
            "cache": caches.get(name, 0.0),
            "own": whole[name],
        }
        for name, arm in cell.arms.items()
    }


def _of_few_steps(run: StudyRun) -> StudyRun:
    from mmseg_splashkd.config.length import of_length
    from mmseg_splashkd.config.reading import read_config

    length = of_length(read_config(run.config, dict(run.options)), FEW_STEPS)
    return run._replace(options={**run.options, **length}, tested=False)
