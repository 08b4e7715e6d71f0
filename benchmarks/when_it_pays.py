"""Measure where distillation pays: the cells of docs/when_it_pays.md.

    python benchmarks/when_it_pays.py camvid_lite --jobs 2
    python benchmarks/when_it_pays.py --page

A cell is one data set, schedule, student and teacher, with the same arms: students that
differ in their loss only. Its learning rates are chosen on the validation part with
seeds that the final runs do not have. Finished runs are kept, so that an interrupted
command can be repeated; the results so far are in docs/when_it_pays/<cell>.json.
"""

import argparse
import json
import math
import shutil
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from map_cells import CELLS, Cell
from map_page import write_page
from map_results import CellResults
from study_runs import StudyRun, cpu_seconds, results_of

if TYPE_CHECKING:
    from mmseg_splashkd.advice.setting import Setting

RATE = "optim_wrapper.optimizer.lr"
RESULTS = Path("docs/when_it_pays")
SHIPPED = Path("mmseg_splashkd/advice/cells.json")
TAUGHT = "taught"


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cell", nargs="*", help=f"cells: {', '.join(CELLS)}")
    parser.add_argument(
        "--jobs", type=int, default=1, help="parallel runs, one thread each (default 1)"
    )
    parser.add_argument(
        "--work-dir",
        type=Path,
        default=Path("work_dirs/when_it_pays"),
        help="folder of the runs (default: work_dirs/when_it_pays)",
    )
    parser.add_argument(
        "--results",
        type=Path,
        default=RESULTS,
        help=f"folder of the results (default: {RESULTS})",
    )
    parser.add_argument(
        "--page",
        action="store_true",
        help="write the page of all results, and what tools/advise.py reads",
    )
    parser.add_argument(
        "--shipped",
        type=Path,
        default=SHIPPED,
        help=f"file of what tools/advise.py reads (default: {SHIPPED})",
    )
    args = parser.parse_args(argv)
    unknown = sorted(set(args.cell) - set(CELLS))
    if unknown or not (args.cell or args.page):
        parser.error(f"name cells of {', '.join(CELLS)}, or --page; got {unknown}")
    return args


class Study:
    """The runs of one cell.

    Args:
        cell: What is compared.
        folder: Folder of the runs.
        jobs: Parallel runs.
    """

    def __init__(self, cell: Cell, folder: Path, jobs: int) -> None:
        self.cell = cell
        self.folder = folder
        self.jobs = jobs
        self.teachers: list[dict[str, Any]] = []

    def train_teachers(self) -> None:
        """Train one teacher per seed."""
        cell = self.cell
        runs = [
            StudyRun(
                self.folder / f"teacher{seed}",
                cell.teacher,
                {**cell.shared, **cell.teacher_options, "randomness.seed": seed},
                cell.metric,
                threshold=cell.threshold,
            )
            for seed in cell.teacher_seeds
        ]
        self.teachers = list(results_of(runs, self.jobs))

    def tune(self) -> dict[str, float]:
        """Choose the rate of each arm by its mean score on the validation part."""
        tried = [
            (name, rate, seed)
            for seed in self.cell.tuning_seeds
            for name, rate in product(self.cell.arms, self.cell.rates)
        ]
        runs = [self._run(*each, tested=False) for each in tried]
        scores: dict[tuple[str, float], list[float]] = {}
        for (name, rate, _), result in zip(
            tried, results_of(runs, self.jobs), strict=True
        ):
            diverged = "diverged" in result
            score = -math.inf if diverged else result["val"][self.cell.metric]
            scores.setdefault((name, rate), []).append(score)
        means = {key: statistics.fmean(values) for key, values in scores.items()}
        return {
            name: max(self.cell.rates, key=lambda rate: means[name, rate])
            for name in self.cell.arms
        }

    def compare(self, rates: Mapping[str, float]) -> Iterator[dict[str, Any]]:
        """Train and test each arm with each seed, at its rate."""
        final = list(product(self.cell.seeds, self.cell.arms))
        runs = [self._run(name, rates[name], seed) for seed, name in final]
        for (seed, name), result in zip(
            final, results_of(runs, self.jobs), strict=True
        ):
            yield {"arm": name, "seed": seed, "rate": rates[name], **result}

    def charged(self, done: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
        """CPU seconds of each arm: teacher, cache and own training.

        A run is charged the whole of its teacher and its cache, as somebody is who
        needs one student.

        Args:
            done: Results of the compared runs.
        """
        teacher = statistics.median(each["cpu_seconds"] for each in self.teachers)
        seconds = {}
        for name, arm in self.cell.arms.items():
            own = [each["cpu_seconds"] for each in done if each["arm"] == name]
            seconds[name] = {
                "teacher": teacher if arm.teacher else 0.0,
                "cache": self._cache_seconds(name) if arm.cached else 0.0,
                "own": statistics.median(own),
            }
        return seconds

    def give_equal_time(
        self, rates: Mapping[str, float], done: Sequence[dict[str, Any]]
    ) -> Iterator[dict[str, Any]]:
        """Train plain student and best control for the time of the dearest taught arm.

        Each keeps its rate; its schedule is stretched. The best control is that of the
        test part, the strictest choice.

        Args:
            rates: Rate of each arm.
            done: Results of the compared runs.
        """
        measured = CellResults(self.cell, {"runs": list(done)})
        seconds = {
            name: sum(each.values()) for name, each in self.charged(done).items()
        }
        arms = self.cell.arms
        dearest = max(seconds[name] for name, arm in arms.items() if arm.kind == TAUGHT)
        names = dict.fromkeys((measured.plain, measured.best_control))
        names = [name for name in names if seconds[name] < dearest]
        final = list(product(self.cell.seeds, names))
        runs = [
            self._longer(self._run(name, rates[name], seed), dearest / seconds[name])
            for seed, name in final
        ]
        for (seed, name), run, result in zip(
            final, runs, results_of(runs, self.jobs), strict=True
        ):
            length = run.options["train_cfg.max_iters"]
            yield {"arm": name, "seed": seed, "iterations": length, **result}

    def _longer(self, run: StudyRun, factor: float) -> StudyRun:
        from mmseg_splashkd.config.length import of_length
        from mmseg_splashkd.config.reading import read_config

        cfg = read_config(run.config, dict(run.options))
        length = int(cfg.train_cfg.max_iters * factor)
        folder = run.folder.with_name(f"{run.folder.name}_{length}it")
        return run._replace(
            folder=folder, options={**run.options, **of_length(cfg, length)}
        )

    def _run(self, name: str, rate: float, seed: int, tested: bool = True) -> StudyRun:
        arm, cell = self.cell.arms[name], self.cell
        number = seed % len(cell.teacher_seeds)
        compared = cell.options if tested else {}
        options = {**cell.shared, **compared, **arm.options}
        cache = f"cache_{name}".replace(" ", "_")
        if arm.teacher:
            cache = f"cache{number}"  # of all arms with this teacher
            options["model.teacher_checkpoint"] = self.teachers[number]["weights"]
        if arm.cached:
            options["teacher_cache.dir"] = str(self.folder / cache)
        options |= {"randomness.seed": seed, RATE: rate}
        folder = f"{name}_lr{rate:g}_seed{seed}".replace(" ", "_")
        config = arm.config or cell.plain
        return StudyRun(
            self.folder / folder, config, options, cell.metric, tested, cell.threshold
        )

    def build_caches(self) -> None:
        """Store the answers of each teacher once, for all arms that read them."""
        from mmseg_splashkd.teacher_cache import build_teacher_cache

        cached = [name for name, arm in self.cell.arms.items() if arm.cached]
        numbers = range(len(self.cell.teacher_seeds))
        runs = {
            run.options["teacher_cache.dir"]: run
            for name, number in product(cached, numbers)
            for run in [self._run(name, self.cell.rates[0], number)]
        }
        for folder, run in runs.items():
            if not _timed(folder).is_file():
                # Of a build that was interrupted, the time is not known.
                shutil.rmtree(folder, ignore_errors=True)
                begin = cpu_seconds()
                build_teacher_cache(run.config, cfg_options=dict(run.options))
                used = json.dumps(cpu_seconds() - begin)
                _timed(folder).write_text(used, encoding="utf-8")

    def setting(self, measured: CellResults) -> "Setting":
        """What a case must be like for this cell to say something of it."""
        from mmseg_splashkd.advice.look import batch_size, setting_of
        from mmseg_splashkd.config.class_shares import class_shares
        from mmseg_splashkd.config.length import length_key
        from mmseg_splashkd.config.reading import read_config

        run = self._run(measured.best_taught, self.cell.rates[0], self.cell.seeds[0])
        cfg = read_config(run.config, dict(run.options))
        return setting_of(
            cfg,
            class_shares(cfg),
            cfg.train_cfg[length_key(cfg)] * batch_size(cfg),
            measured.has_saturated(measured.plain),
            measured.lead_in_validation,
        )

    def _cache_seconds(self, name: str) -> float:
        folder = self._run(name, self.cell.rates[0], 0).options["teacher_cache.dir"]
        return json.loads(_timed(folder).read_text(encoding="utf-8"))


def _timed(folder: str) -> Path:
    """Where the CPU seconds of a cache are kept."""
    return Path(f"{folder}_seconds.json")


def study(cell: Cell, folder: Path, jobs: int, results: Path) -> None:
    """Run a cell, and write its results after every final run.

    Args:
        cell: What is compared.
        folder: Folder of the runs.
        jobs: Parallel runs.
        results: File of the results.
    """
    from mmseg_splashkd.files import write_whole

    runs = Study(cell, folder, jobs)
    runs.train_teachers()
    runs.build_caches()
    rates = runs.tune()
    text: dict[str, Any] = {"cell": cell.name, "rates": rates}
    text |= {"teachers": runs.teachers, "runs": [], "equal time": []}
    results.parent.mkdir(parents=True, exist_ok=True)

    def keep(part: str, result: dict[str, Any]) -> None:
        text[part].append(result)
        text["date"] = datetime.now(UTC).date().isoformat()
        write_whole(results, json.dumps(text, indent=1) + "\n")

    for result in runs.compare(rates):
        keep("runs", result)
    text["cpu seconds"] = runs.charged(text["runs"])
    for result in runs.give_equal_time(rates, text["runs"]):
        keep("equal time", result)
    text["setting"] = asdict(runs.setting(CellResults(cell, text)))
    write_whole(results, json.dumps(text, indent=1) + "\n")


def main(argv: Sequence[str] | None = None) -> None:
    """Run cells, or write the page."""
    args = parse_args(argv)
    for name in args.cell:
        file = args.results / f"{name}.json"
        study(CELLS[name], args.work_dir / name, args.jobs, file)
    if args.page:
        write_page(list(CELLS.values()), args.results, args.shipped)


if __name__ == "__main__":
    main()
