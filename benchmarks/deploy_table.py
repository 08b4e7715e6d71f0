"""Measure what each step from weights to a file costs a plain and a distilled student.

    python benchmarks/ponds.py data/pier --frames 160 --seed 101 --apart 3600
    python tools/split_dataset.py data/pier --strategy per-recording \
        --ratios .05 .05 .9 --embargo 10s --out data/pier/split.csv
    python benchmarks/deploy_table.py farm camvid --picture docs/deploy_steps.svg

Students are those of two cells of docs/when_it_pays.md, three seeds each; what is
missing is trained first. Each is exported, quantised on its own data, and verified: on
the drawn farm on recordings that were drawn for this, one hour apart, because those of
the cell show the same events at the same time. Finished students are kept in the work
directory. Times want an idle machine, where --times measures them again.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from deploy_picture import draw
from map_cells import CELLS
from study_runs import StudyRun, results_of
from when_it_pays import RESULTS, Study

from mmseg_splashkd.deploy.export import export_onnx
from mmseg_splashkd.deploy.quantise import quantise
from mmseg_splashkd.deploy.verdicts import as_json
from mmseg_splashkd.deploy.verify import (
    MARGIN,
    WEIGHTS,
    open_steps,
    seconds_of,
    timed_frames,
    verify,
)
from mmseg_splashkd.evaluation.frame_scores import load_scores, save_scores
from mmseg_splashkd.evaluation.interleaved import ratios, spread
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.tables import markdown_table
from mmseg_splashkd.report.words import interval_in_words, points
from mmseg_splashkd.statistics import Settings, compare
from mmseg_splashkd.statistics.arms import Arm, FoldSeed
from mmseg_splashkd.statistics.results import ArmScores, Comparison

SEEDS = (0, 1, 2)
ROUNDS = 60
ENGINES = ("torch", "onnxruntime", "openvino", "openvino_bf16")


@dataclass(frozen=True)
class Data:
    """Data of the table.

    Args:
        cell: Cell of the students.
        arms: Student -> arm of the cell.
        metric: Score.
        tested: Config keys of the frames on which files are verified.
    """

    cell: str
    arms: Mapping[str, str]
    metric: str
    tested: Mapping[str, Any] = field(default_factory=dict)


DATA = {
    "farm": Data(
        "farm_few16",
        {"plain": "CE", "distilled": "rarity KL, all"},
        "Dice.splash",
        {"data_root": "data/pier", "split_table": "split.csv"},
    ),
    "camvid": Data(
        "camvid_tiny_few16", {"plain": "CE", "distilled": "CWD, all"}, "mIoU"
    ),
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="+", choices=DATA)
    parser.add_argument("--threads", type=int, default=1, help="default: 1")
    parser.add_argument("--jobs", type=int, default=2, help="parallel trainings")
    parser.add_argument(
        "--times",
        action="store_true",
        help="time what is finished again, on a machine that is idle now",
    )
    parser.add_argument("--picture", type=Path, help="SVG of the differences to write")
    parser.add_argument(
        "--runs",
        type=Path,
        default=Path("work_dirs/when_it_pays"),
        help="folder of the cells (default: work_dirs/when_it_pays)",
    )
    parser.add_argument(
        "--work-dir",
        type=Path,
        default=Path("work_dirs/deploy_table"),
        help="folder of files and scores (default: work_dirs/deploy_table)",
    )
    return parser.parse_args(argv)


def students(data: Data, folder: Path, jobs: int) -> dict[tuple[str, int], Any]:
    """(student, seed) -> its run and its result."""
    study = Study(CELLS[data.cell], folder / data.cell, jobs)
    kept = json.loads((RESULTS / f"{data.cell}.json").read_text("utf-8"))
    study.train_teachers()
    runs: dict[tuple[str, int], StudyRun] = {
        (name, seed): study.run(arm, kept["rates"][arm], seed)
        for name, arm in data.arms.items()
        for seed in SEEDS
    }
    if not all((run.folder / "result.json").is_file() for run in runs.values()):
        study.build_caches(len(study.teachers))
    found = results_of(list(runs.values()), jobs)
    return {
        key: (run, result)
        for (key, run), result in zip(runs.items(), found, strict=True)
    }


def measure(run: StudyRun, weights: str, data: Data, out: Path, threads: int) -> None:
    """Export, quantise and verify a student; its table and its scores are written."""
    options = dict(run.options)
    onnx, int8 = out / "student.onnx", out / "student_int8.xml"
    export_onnx(run.config, weights, onnx, options)
    quantise(run.config, onnx, int8, cfg_options=options)
    verified = verify(
        run.config,
        weights,
        [onnx, int8],
        ENGINES,
        threads=threads,
        work_dir=out / "verified",
        cfg_options={**options, **data.tested},
    )
    save_scores(verified.weights, out / "scores" / f"{WEIGHTS}.npz")
    for step in verified.steps:
        save_scores(step.scores, out / "scores" / f"{step.name}.npz")
    table = {
        "steps": [step.name for step in verified.steps],
        "mib": [step.size / 2**20 for step in verified.steps],
        "ms": [step.milliseconds.median for step in verified.steps],
        "faster": [step.faster.median for step in verified.steps],
        "frame": verified.frame,
        **as_json(verified),
    }
    write_whole(out / "table.json", json.dumps(table, indent=1) + "\n")


def measure_times(
    run: StudyRun, weights: str, data: Data, out: Path, threads: int
) -> None:
    """Time the steps of a student again, all in turn."""
    table = json.loads((out / "table.json").read_text("utf-8"))
    options = {**run.options, **data.tested}
    files = [out / "student.onnx", out / "student_int8.xml"]
    opened = open_steps(run.config, Path(weights), files, ENGINES, threads, options)
    frames = timed_frames(run.config, options)
    seconds = seconds_of(opened, frames, ROUNDS, threads)
    table["ms"] = [1000 * spread(seconds[step]).median for step in table["steps"]]
    table["faster"] = [
        ratios(seconds["torch"], seconds[step]).median for step in table["steps"]
    ]
    write_whole(out / "table.json", json.dumps(table, indent=1) + "\n")


class Student(NamedTuple):
    """What was found of a student.

    Args:
        found: Its steps compared with its weights, over all seeds.
        table: Steps, sizes and times of the first seed.
    """

    found: Comparison
    table: dict[str, Any]


def compared(name: str, data: Data, folder: Path) -> Student:
    """Compare the steps of a student with its weights."""
    table = json.loads((folder / f"{name}{SEEDS[0]}" / "table.json").read_text("utf-8"))
    arms = [
        Arm(
            step,
            {
                FoldSeed(None, seed): load_scores(
                    folder / f"{name}{seed}" / "scores" / f"{step}.npz"
                )
                for seed in SEEDS
            },
        )
        for step in (WEIGHTS, *table["steps"])
    ]
    settings = Settings(metrics=(data.metric,), equivalent=MARGIN, allowed=("weights",))
    return Student(compare(arms, settings), table)


def rows_of(name: str, metric: str, student: Student) -> list[list[str]]:
    """Rows of a student: as tested, then each step."""
    table, (tested, *steps) = student.table, student.found.arms
    rows = [[name, WEIGHTS, _score(tested, metric), "", "", "", "", ""]]
    for index, difference in enumerate(student.found.differences):
        answer = difference.equivalence
        shown = "n/a"
        if answer is not None:
            value, low, high = points(difference.value, answer.low, answer.high)
            shown = f"{value} ({low} to {high})"
        rows.append(
            [
                name,
                difference.arm,
                _score(steps[index], metric),
                shown,
                "no verdict" if answer is None else answer.verdict,
                f"{table['mib'][index]:.2f}",
                f"{table['ms'][index]:.1f}",
                f"{table['faster'][index]:.2f}",
            ]
        )
    return rows


def _score(arm: ArmScores, metric: str) -> str:
    return interval_in_words(arm.intervals[metric], arm.scores[metric])


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, and print the tables."""
    args = parse_args(argv)
    found: dict[str, dict[str, Student]] = {}
    for key in args.data:
        data, folder = DATA[key], args.work_dir / key
        for (name, seed), (run, result) in students(data, args.runs, args.jobs).items():
            out = folder / f"{name}{seed}"
            if not (out / "table.json").is_file():
                print(f"{key}: {name}, seed {seed}", flush=True)
                measure(run, result["weights"], data, out, args.threads)
            elif args.times and seed == SEEDS[0]:  # that of the table
                measure_times(run, result["weights"], data, out, args.threads)
        found[key] = {name: compared(name, data, folder) for name in data.arms}
        heads = ["student", "step", f"{data.metric} (%, 95 %)", "points (90 %)"]
        heads += [f"within {MARGIN:g} points", "MiB", "ms a frame", "x PyTorch"]
        rows = [
            row
            for name, student in found[key].items()
            for row in rows_of(name, data.metric, student)
        ]
        print(f"\n{key}\n\n{markdown_table(heads, rows)}\n", flush=True)
    if args.picture:
        drawn = {
            key: {name: student.found.differences for name, student in students.items()}
            for key, students in found.items()
        }
        draw(drawn, MARGIN, args.picture)


if __name__ == "__main__":
    main()
