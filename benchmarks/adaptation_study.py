"""Measure what adapting to another camera brings: the shifts of docs/adaptation.md.

    python benchmarks/adaptation_study.py farm night same --jobs 2
    python benchmarks/adaptation_study.py --page

Each seed trains on the source once, and every arm goes on from there for the same
number of iterations. The last weights are tested on the target. Finished runs are kept,
so that an interrupted command can be repeated; the results so far are in
docs/adaptation/<shift>.json.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from adaptation_page import write_page
from shifts import ARMS, SHIFTS, STRONG, Arm, Shift
from study_runs import StudyRun, device_name, results_of

RESULTS = Path("docs/adaptation")
SHIPPED = Path("mmseg_splashkd/adaptation/evidence.json")
START = "start"
SCORES = ("mIoU",)
PIPELINE = "train_dataloader.dataset.dataset.pipeline"


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shift", nargs="*", help=f"shifts: {', '.join(SHIFTS)}")
    parser.add_argument(
        "--jobs", type=int, default=1, help="parallel runs, one thread each (default 1)"
    )
    parser.add_argument(
        "--work-dir",
        type=Path,
        default=Path("work_dirs/adaptation"),
        help="folder of the runs (default: work_dirs/adaptation)",
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
        help="write the page of all results, and what tools/adapt.py reads",
    )
    parser.add_argument(
        "--shipped",
        type=Path,
        default=SHIPPED,
        help=f"file of what tools/adapt.py reads (default: {SHIPPED})",
    )
    args = parser.parse_args(argv)
    unknown = sorted(set(args.shift) - set(SHIFTS))
    if unknown or not (args.shift or args.page):
        parser.error(f"name shifts of {', '.join(SHIFTS)}, or --page; got {unknown}")
    return args


class AdaptationStudy:
    """The runs of one shift.

    Args:
        shift: Data, network and schedule.
        folder: Folder of the runs.
        jobs: Parallel runs.
    """

    def __init__(self, shift: Shift, folder: Path, jobs: int) -> None:
        self.shift = shift
        self.folder = folder
        self.jobs = jobs
        self.weights: dict[tuple[str, int], str] = {}

    def results(self) -> Iterator[dict[str, Any]]:
        """Each run's results, and signs that need no labels of the target."""
        yield from self._trained([START])
        later = [name for name, arm in ARMS.items() if arm.start is not None]
        trained = [name for name, arm in ARMS.items() if not arm.statistics]
        yield from self._trained([name for name in trained if name not in later])
        yield from self._trained(later)
        for name, seed in product(ARMS, self.shift.seeds):
            if ARMS[name].statistics:
                yield self._recomputed(name, seed)

    def run(self, name: str, seed: int) -> StudyRun:
        """The training of an arm, or on the source before it."""
        arm, shift = ARMS.get(name), self.shift
        options = {**shift.tables, "randomness.seed": seed}
        config = shift.source
        if arm is not None:
            config = shift.source if arm.method is None else shift.pairs
            options |= self._options(arm, seed)
        folder = self.folder / f"{name}_seed{seed}".replace(" ", "_")
        metric = shift.metric
        return StudyRun(folder, config, options, metric, threshold=shift.threshold)

    @cached_property
    def _configs(self) -> tuple[Any, Any]:
        """Of the training on the source, and of an adaptation."""
        from mmseg_splashkd.config.reading import read_config

        shift, tables = self.shift, dict(self.shift.tables)
        return read_config(shift.source, tables), read_config(shift.pairs, tables)

    def _options(self, arm: Arm, seed: int) -> dict[str, Any]:
        from mmseg_splashkd.config.length import of_length

        options: dict[str, Any] = {"load_from": self.weights[arm.start or START, seed]}
        if arm.method is not None:
            return {**options, "model.method": {"_delete_": True, **arm.method}}
        own, pairs = self._configs
        length = pairs.train_cfg.max_iters
        options |= {**of_length(own, length), "max_iters": length}
        options["optim_wrapper.optimizer.lr"] = pairs.optim_wrapper.optimizer.lr
        if arm.augmented:
            place = f"{PIPELINE}.{self.shift.photometric}"
            options |= {f"{place}.{key}": value for key, value in STRONG.items()}
        if arm.labelled:
            options["source_root"] = own.target_root
            options["source_table"] = own.target_table
        return options

    def _trained(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        tried = list(product(names, self.shift.seeds))
        runs = [self.run(*each) for each in tried]
        for (name, seed), run, result in zip(
            tried, runs, results_of(runs, self.jobs), strict=True
        ):
            signs = {}
            if "weights" in result:  # it was not refused
                self.weights[name, seed] = result["weights"]
                signs = self._signs(run, name, seed)
            yield {"arm": name, "seed": seed, **result, **signs}

    def _signs(self, run: StudyRun, name: str, seed: int) -> dict[str, Any]:
        """What the weights say of the target, beside those of the source."""
        file = run.folder / "signs.json"
        if not file.is_file():
            from mmseg_splashkd.adaptation.network import frames_of, open_network
            from mmseg_splashkd.adaptation.signs import signs_of

            cfg, _ = self._configs
            own, start = (
                open_network(cfg, self.weights[each, seed]) for each in (name, START)
            )
            signs = signs_of(own, start, frames_of(cfg, "test"))
            text = {
                "entropy": float(signs.entropy.mean()),
                "sure": float(signs.sure.mean()),
                "shares": signs.shares.mean(0).tolist(),
                "focus share, spread": float(signs.shares[:, -1].std()),
                "agreement": signs.agreement.tolist(),
            }
            file.write_text(json.dumps(text))
        return {"signs": json.loads(file.read_text())}

    def _recomputed(self, name: str, seed: int) -> dict[str, Any]:
        """Test the source's weights with the target's statistics."""
        folder = self.folder / f"{name}_seed{seed}"
        run = self.run(START, seed)._replace(folder=folder)
        weights, file = folder / "weights.safetensors", folder / "result.json"
        if not file.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(self._restated(run, seed, weights)))
        self.weights[name, seed] = str(weights)
        result = json.loads(file.read_text())
        return {"arm": name, "seed": seed, **result, **self._signs(run, name, seed)}

    def _restated(self, run: StudyRun, seed: int, weights: Path) -> dict[str, Any]:
        from mmseg_splashkd.adaptation.batch_statistics import (
            write_with_target_statistics,
        )
        from mmseg_splashkd.runs.test import evaluate

        _, pairs = self._configs
        begin = time.perf_counter()
        write_with_target_statistics(pairs, self.weights[START, seed], weights)
        seconds = time.perf_counter() - begin
        tested = evaluate(
            run.config,
            weights,
            work_dir=run.folder / "test",
            threshold=run.threshold,
            cfg_options=dict(run.options),
        )
        return {"seconds": seconds, "hardware": device_name(), "test": tested}


def short(result: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a run: scores on the target, signs, time and machine."""
    if "refused" in result:
        return {key: result[key] for key in ("arm", "seed", "refused")}
    kept = {k: result[k] for k in ("arm", "seed", "seconds", "hardware", "signs")}
    scores = {
        k: round(v, 4) for k, v in result["test"].items() if k in SCORES or "." in k
    }
    return {**kept, "test": scores}


def study(shift: Shift, folder: Path, jobs: int, results: Path) -> None:
    """Run a shift, and write its results after every run.

    Args:
        shift: What is compared.
        folder: Folder of the runs.
        jobs: Parallel runs.
        results: File of the results.
    """
    from mmseg_splashkd.files import write_whole

    runs: list[dict[str, Any]] = []
    results.parent.mkdir(parents=True, exist_ok=True)
    for result in AdaptationStudy(shift, folder, jobs).results():
        runs.append(short(result))
        text = {"shift": shift.name, "date": datetime.now(UTC).date().isoformat()}
        write_whole(results, json.dumps(text | {"runs": runs}, indent=1) + "\n")


def main(argv: Sequence[str] | None = None) -> None:
    """Run shifts, or write the page."""
    args = parse_args(argv)
    for name in args.shift:
        file = args.results / f"{name}.json"
        study(SHIFTS[name], args.work_dir / name, args.jobs, file)
    if args.page:
        write_page(list(SHIFTS.values()), args.results, args.shipped)


if __name__ == "__main__":
    main()
