"""Measure where distillation pays: the cells of docs/when_it_pays.md.

    python benchmarks/when_it_pays.py camvid_lite --jobs 2
    python benchmarks/when_it_pays.py --page

A cell is one data set, schedule, student and teacher, with the same arms: students that
differ in their loss only. Its learning rates are chosen on the validation part with
seeds that the final runs do not have. Finished runs are kept, so that an interrupted
command can be repeated; the results so far are in docs/when_it_pays/<cell>.json.
"""

import argparse
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from map_cell import Cell
from map_cells import CELLS
from map_costs import Costs, charged, costs_of
from map_page import write_page
from map_results import CellResults
from map_store import Kept, longer_folder, restore
from study_runs import StudyRun, results_of

if TYPE_CHECKING:
    from mmseg_splashkd.advice.setting import Setting

RATE = "optim_wrapper.optimizer.lr"
NEAR = 0.05  # share of a length; costs vary as much between two measurements
RESULTS = Path("docs/when_it_pays")
SHIPPED = Path("mmseg_splashkd/advice/cells.json")


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
        "--costs",
        action="store_true",
        help="only measure what the arms cost on this machine, which must be idle, "
        "and keep it beside the results; else done when the runs are",
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

    def teacher_run(self, seed: int) -> StudyRun:
        """The training of a teacher."""
        cell = self.cell
        return StudyRun(
            self.folder / f"teacher{seed}",
            cell.teacher,
            {**cell.shared, **cell.teacher_options, "randomness.seed": seed},
            cell.metric,
            threshold=cell.threshold,
        )

    def train_teachers(self) -> None:
        """Train one teacher per seed."""
        runs = [self.teacher_run(seed) for seed in self.cell.teacher_seeds]
        self.teachers = list(results_of(runs, self.jobs))

    def tune(self) -> Iterator[dict[str, Any]]:
        """Train each arm with each rate; validated only."""
        tried = [
            (name, rate, seed)
            for seed in self.cell.tuning_seeds
            for name, rate in product(self.cell.choosing, self.cell.rates)
        ]
        runs = [self.run(*each, tested=False) for each in tried]
        for (name, rate, seed), result in zip(
            tried, results_of(runs, self.jobs, may_fail=True), strict=True
        ):
            yield {"arm": name, "rate": rate, "seed": seed, **result}

    def best_rates(self, tuning: Sequence[dict[str, Any]]) -> dict[str, float]:
        """The rate of each arm with the best mean score on the validation part.

        An arm that does not choose has that of the plain student.
        """
        scores: dict[tuple[str, float], list[float]] = {}
        for each in tuning:
            lost = "diverged" in each
            score = -math.inf if lost else each["val"][self.cell.metric]
            scores.setdefault((each["arm"], each["rate"]), []).append(score)
        means = {key: statistics.fmean(values) for key, values in scores.items()}
        for name in self.cell.choosing:
            if all(means[name, rate] == -math.inf for rate in self.cell.rates):
                raise ValueError(
                    f"{name} diverged at every rate of {self.cell.name}: "
                    f"{self.cell.rates}; add lower ones"
                )
        chosen = {
            name: max(self.cell.rates, key=lambda rate: means[name, rate])
            for name in self.cell.choosing
        }
        plain = chosen[next(iter(self.cell.arms))]
        return {name: chosen.get(name, plain) for name in self.cell.arms}

    def compare(self, rates: Mapping[str, float]) -> Iterator[dict[str, Any]]:
        """Train and test each arm with each seed, at its rate."""
        final = list(product(self.cell.seeds, self.cell.arms))
        runs = [self.run(name, rates[name], seed) for seed, name in final]
        for (seed, name), result in zip(
            final, results_of(runs, self.jobs), strict=True
        ):
            yield {"arm": name, "seed": seed, "rate": rates[name], **result}

    def give_equal_time(
        self,
        rates: Mapping[str, float],
        done: Sequence[dict[str, Any]],
        costs: Costs,
        before: Sequence[dict[str, Any]],
    ) -> Iterator[dict[str, Any]]:
        """Train plain student and best control for the time of the dearest taught arm.

        Each keeps its rate; its schedule is stretched, to a length that it was run
        with before where that is near. The best control is that of the test part, the
        strictest choice.

        Args:
            rates: Rate of each arm.
            done: Results of the compared runs.
            costs: Arm -> seconds of its teacher, its cache and its own training.
            before: Such runs, after an earlier measurement of the costs.
        """
        measured = CellResults(self.cell, {"runs": list(done), "rates": rates})
        seconds = {name: sum(each.values()) for name, each in costs.items()}
        dearest = max(seconds[name] for name in measured.taught)
        names = [name for name in measured.untaught if seconds[name] < dearest]
        final = list(product(self.cell.seeds, names))
        had = {
            name: {
                each["iterations"]
                for each in before
                if (each["arm"], each["rate"]) == (name, rates[name])
            }
            for name in names
        }
        runs = [
            self._longer(
                self.run(name, rates[name], seed), dearest / seconds[name], had[name]
            )
            for seed, name in final
        ]
        for (seed, name), run, result in zip(
            final, runs, results_of(runs, self.jobs), strict=True
        ):
            length = run.options["train_cfg.max_iters"]
            longer = {"rate": rates[name], "iterations": length}
            yield {"arm": name, "seed": seed, **longer, **result}

    def _longer(self, run: StudyRun, factor: float, had: Iterable[int]) -> StudyRun:
        from mmseg_splashkd.config.length import of_length
        from mmseg_splashkd.config.reading import read_config

        cfg = read_config(run.config, dict(run.options))
        length = int(cfg.train_cfg.max_iters * factor)
        near = [each for each in had if abs(each - length) <= NEAR * length]
        length = max(near, default=length)
        options = {**run.options, **of_length(cfg, length)}
        options["train_cfg.max_iters"] = length  # also where it is that of the run
        return run._replace(folder=longer_folder(run.folder, length), options=options)

    def run(self, name: str, rate: float, seed: int, tested: bool = True) -> StudyRun:
        """The training of an arm, at a rate."""
        arm, cell = self.cell.arms[name], self.cell
        number = seed % len(cell.teacher_seeds)
        compared = cell.options if tested else {}
        options = {**cell.shared, **compared, **arm.options}
        cache = f"cache_{name}".replace(" ", "_")
        if arm.teacher:
            # Of all arms with this teacher and the same views.
            cache = f"cache{'' if arm.together else number}{arm.cache}"
            files = [each["weights"] for each in self.teachers]
            own = files if arm.together else files[number]
            options["model.teacher_checkpoint"] = own
        if arm.cached:
            options["teacher_cache.dir"] = str(self.folder / cache)
        options |= {"randomness.seed": seed, RATE: rate}
        folder, config = self.folder_of(name, rate, seed), arm.config or cell.plain
        return StudyRun(folder, config, options, cell.metric, tested, cell.threshold)

    def folder_of(self, name: str, rate: float, seed: int) -> Path:
        """Where a run of an arm is kept."""
        return self.folder / f"{name}_lr{rate:g}_seed{seed}".replace(" ", "_")

    def build_caches(self, teachers: int) -> None:
        """Store the answers of each teacher once, for all arms that read them.

        Args:
            teachers: Number of teachers, the first ones.
        """
        from mmseg_splashkd.teacher_cache import build_teacher_cache

        cached = [name for name, arm in self.cell.arms.items() if arm.cached]
        runs = {
            run.options["teacher_cache.dir"]: run
            for name, number in product(cached, range(teachers))
            for run in [self.run(name, self.cell.rates[0], number)]
        }
        for run in runs.values():
            build_teacher_cache(run.config, cfg_options=dict(run.options))

    def losses(self, name: str) -> str:
        """The losses of an arm, in words."""
        from mmseg_splashkd.config.loss_words import loss_words
        from mmseg_splashkd.config.reading import read_config

        run = self.run(name, self.cell.rates[0], self.cell.seeds[0])
        return loss_words(read_config(run.config, dict(run.options)))

    def setting(self, measured: CellResults) -> "Setting":
        """What a case must be like for this cell to say something of it."""
        from mmseg_splashkd.advice.look import batch_size, setting_of
        from mmseg_splashkd.config.class_shares import class_shares
        from mmseg_splashkd.config.length import length_key
        from mmseg_splashkd.config.reading import read_config

        run = self.run(measured.best_taught, self.cell.rates[0], self.cell.seeds[0])
        cfg = read_config(run.config, dict(run.options))
        return setting_of(
            cfg,
            class_shares(cfg),
            cfg.train_cfg[length_key(cfg)] * batch_size(cfg),
            measured.has_saturated(measured.plain),
            measured.lead_in_validation,
        )


def study(cell: Cell, folder: Path, jobs: int, results: Path) -> None:
    """Run a cell, and write its results after every run of a student.

    Args:
        cell: What is compared.
        folder: Folder of the runs.
        jobs: Parallel runs.
        results: File of the results; what the arms cost is kept beside it.
    """
    runs = Study(cell, folder, jobs)
    kept = Kept(cell, results)
    restore(runs, kept.text)
    runs.train_teachers()
    kept.text["teachers"] = [kept.short(each) for each in runs.teachers]
    runs.build_caches(len(cell.teacher_seeds))
    tuning = kept.keep("tuning", runs.tune())
    rates = kept.text["rates"] = runs.best_rates(tuning)
    compared = kept.keep("runs", runs.compare(rates))
    if not cell.has_controls:
        return  # no evidence of what a teacher is worth, and so of no price
    measured = CellResults(cell, kept.text)
    if measured.may_pay:
        needed = measured.compared_in_time
        costs = costs_of(Study(cell, folder / "costs", 1), results, needed)
        kept.text["costs"] = {
            **{key: costs[key] for key in ("hardware", "date")},
            "seconds": charged(cell, costs),
        }
        longer = runs.give_equal_time(
            rates, compared, kept.text["costs"]["seconds"], kept.text["equal time"]
        )
        kept.keep("equal time", longer)
    measured = CellResults(cell, kept.text)
    kept.text["setting"] = asdict(runs.setting(measured))
    kept.text["losses"] = {measured.best_taught: runs.losses(measured.best_taught)}
    kept.write()


def main(argv: Sequence[str] | None = None) -> None:
    """Run cells, or write the page."""
    args = parse_args(argv)
    for name in args.cell:
        file = args.results / f"{name}.json"
        cell, folder = CELLS[name], args.work_dir / name
        if args.costs:
            costs_of(Study(cell, folder / "costs", 1), file, cell.arms)
        else:
            study(cell, folder, args.jobs, file)
    if args.page:
        write_page(list(CELLS.values()), args.results, args.shipped)


if __name__ == "__main__":
    main()
