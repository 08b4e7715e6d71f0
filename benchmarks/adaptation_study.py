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
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property, partial
from itertools import product
from pathlib import Path
from typing import Any

from adaptation_page import write_page
from shift_store import kept, short
from shifts import SHIFTS, SOURCE, STRONG, Arm, Shift
from study_runs import StudyRun, device_name, results_of, scores_of

RESULTS = Path("docs/adaptation")
SHIPPED = Path("mmseg_splashkd/adaptation/evidence.json")
START = "start"
STAGES = 1000  # between the seeds of two
FRAMES = "train_dataloader.dataset.dataset"


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
        self._before: dict[str, Any] = {}  # signs of the start, by its weights

    def results(self) -> Iterator[dict[str, Any]]:
        """Each run's results, and signs that need no labels of the target."""
        arms, batches = self.shift.arms, list(self._batches())
        yield from self._trained([START])
        for names in batches:
            yield from self._trained(names)
        for name, seed in product(arms, self.shift.seeds):
            if arms[name].statistics:
                if (SOURCE, seed) in self.weights:
                    yield self._recomputed(name, seed)
                else:
                    yield _refused(name, seed, SOURCE)
            elif arms[name].agreed:
                start = str(arms[name].start)
                if (start, seed) in self.weights:
                    yield self._at_agreed_threshold(name, seed)
                else:
                    yield _refused(name, seed, start)

    def _batches(self) -> Iterator[list[str]]:
        """The trained arms, those from which others go on first."""
        arms = self.shift.arms
        waiting = [name for name, arm in arms.items() if arm.is_trained]
        done: set[str | None] = {None}
        while waiting:
            begun = [name for name in waiting if arms[name].start in done]
            if not begun:
                raise ValueError(f"{', '.join(waiting)} go on from what is not trained")
            yield begun
            done |= set(begun)
            waiting = [name for name in waiting if name not in done]

    def run(self, name: str, seed: int) -> StudyRun:
        """The training of an arm, or on the source before it."""
        from mmseg_splashkd.files import file_sha256

        shift = self.shift
        arm = shift.arms.get(name)
        options = {**shift.tables, "randomness.seed": seed}
        config = shift.source
        if arm is not None and arm.taught is not None:
            config = shift.student if arm.small and shift.student else shift.source
            options |= self._taught(arm, seed)
        elif arm is not None:
            config = shift.source if arm.method is None else shift.pairs
            options |= self._options(arm, seed)
        folder = self.folder / f"{name}_seed{seed}".replace(" ", "_")
        metric = shift.metric
        options |= self._drawn(name, seed)
        of = ()
        if arm is not None and arm.taught is not None:
            of = (file_sha256(self.weights[str(arm.start), seed]),)
        return StudyRun(
            folder, config, options, metric, threshold=shift.threshold, of=of
        )

    @cached_property
    def _configs(self) -> tuple[Any, Any]:
        """Of the training on the source, and of an adaptation."""
        from mmseg_splashkd.config.reading import read_config

        shift, tables = self.shift, dict(self.shift.tables)
        return read_config(shift.source, tables), read_config(shift.pairs, tables)

    def _drawn(self, name: str, seed: int) -> dict[str, Any]:
        """Options of the sampler, for which no stage repeats frames of the one before.

        With one seed, arms of the same stage draw the same frames and views.
        """
        from mmseg_splashkd.adaptation.methods import rare_class_sampler

        arm = self.shift.arms.get(name)
        seed += STAGES * self._stage(name)
        if arm is None or not arm.rare:
            return {"train_dataloader.sampler.seed": seed}
        sampler = rare_class_sampler(self._configs[1])
        options = {"_delete_": True, **sampler, "seed": seed}
        return {"train_dataloader.sampler": options}

    def _stage(self, name: str) -> int:
        """How many trainings come before that of an arm."""
        arm = self.shift.arms.get(name)
        return 0 if arm is None else 1 + self._stage(arm.start or START)

    def _taught(self, arm: Arm, seed: int) -> dict[str, Any]:
        from mmseg_splashkd.adaptation.teaching import taught_options

        assert arm.start is not None
        assert arm.taught is not None
        own, _ = self._configs
        target = {"data_root": own.target_root, "split_table": own.target_table}
        weights = self.weights[arm.start, seed]
        learns = self._small if arm.small else own
        return taught_options(learns, own.model, weights, arm.taught, target)

    @cached_property
    def _small(self) -> Any:
        """Config of the small student, trained on the source."""
        from mmseg_splashkd.config.reading import read_config

        assert self.shift.student is not None, "a shift with small students names one"
        return read_config(self.shift.student, dict(self.shift.tables))

    def _options(self, arm: Arm, seed: int) -> dict[str, Any]:
        options: dict[str, Any] = {"load_from": self.weights[arm.start or START, seed]}
        if arm.method is not None:
            return {**options, "model.method": {"_delete_": True, **arm.method}}
        own, pairs = self._configs
        length = pairs.train_cfg.max_iters
        options |= {
            "max_iters": length,
            "train_cfg.max_iters": length,
            "train_cfg.val_interval": length,
            "default_hooks.checkpoint.interval": length,
            "param_scheduler": [dict(each) for each in pairs.param_scheduler],
            "optim_wrapper.optimizer.lr": pairs.optim_wrapper.optimizer.lr,
        }
        if arm.augmented:
            place = f"{FRAMES}.pipeline.{self.shift.photometric}"
            options |= {f"{place}.{key}": value for key, value in STRONG.items()}
        if arm.labelled:  # in training only: validations stay on the source
            options[f"{FRAMES}.data_root"] = own.target_root
            options[f"{FRAMES}.split_table"] = own.target_table
        return options

    def _trained(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        tried = []
        for name, seed in product(names, self.shift.seeds):
            arm = self.shift.arms.get(name)
            start = START if arm is None else arm.start or START
            if name == START or (start, seed) in self.weights:
                tried.append((name, seed))
            else:
                yield _refused(name, seed, start)
        runs = [self.run(*each) for each in tried]
        for (name, seed), run, result in zip(
            tried, runs, results_of(runs, self.jobs, may_fail=True), strict=True
        ):
            signs = {}
            if "weights" in result:  # it did not fail
                self.weights[name, seed] = result["weights"]
                signs = self._signs(run, name, seed)
            yield {"arm": name, "seed": seed, **result, **signs}

    def _signs(self, run: StudyRun, name: str, seed: int) -> dict[str, Any]:
        """What the weights say of the target, beside those of the source."""
        pair = [self.weights[each, seed] for each in (name, START)]
        arm = self.shift.arms.get(name)
        measure = partial(self._measure, is_small=arm is not None and arm.small)
        return {"signs": kept(run.folder / "signs.json", pair, measure)}

    def _measure(self, own: str, start: str, is_small: bool) -> dict[str, Any]:
        from mmseg_splashkd.adaptation.doubts import doubts
        from mmseg_splashkd.adaptation.signs import signs_of
        from mmseg_splashkd.adaptation.whole_frames import frames_of
        from mmseg_splashkd.runs.open_network import open_network

        cfg, _ = self._configs
        of_own = self._small if is_small else cfg
        networks = open_network(of_own, own), open_network(cfg, start)
        frames = [frames_of(each, "test") for each in (of_own, cfg)]
        signs = signs_of(*networks, *frames)
        if start not in self._before:
            same = signs_of(networks[1], networks[1], frames_of(cfg, "test"))
            self._before[start] = same
        before = self._before[start]
        labels = self._source_shares
        return {
            "entropy": float(signs.entropy.mean()),
            "sure": float(signs.sure.mean()),
            "shares": signs.shares.mean(0).tolist(),
            "focus share, spread": float(signs.shares[:, -1].std()),
            "agreement": signs.agreement.tolist(),
            "doubts": list(doubts(before, signs, labels.shares, labels.classes)),
        }

    @cached_property
    def _source_shares(self) -> Any:
        from mmseg_splashkd.config.class_shares import class_shares

        return class_shares(self._configs[0])

    def _at_agreed_threshold(self, name: str, seed: int) -> dict[str, Any]:
        """Test a student at the threshold at which it agrees with its teacher."""
        student = str(self.shift.arms[name].start)
        run, folder = self.run(student, seed), self.folder / f"{name}_seed{seed}"
        teacher = str(self.shift.arms[student].start)
        pair = [self.weights[each, seed] for each in (student, teacher)]

        def agreed(own: str, its: str) -> dict[str, Any]:
            return self._tested_at_agreement(run._replace(folder=folder), own, its)

        result = kept(folder / "result.json", pair, agreed)
        signs = self._signs(run, student, seed) if "test" in result else {}
        return {"arm": name, "seed": seed, **result, **signs}

    def _tested_at_agreement(self, run: StudyRun, own: str, its: str) -> dict[str, Any]:
        from mmengine.runner import Runner

        from mmseg_splashkd.adaptation.agreed_threshold import agreed_point
        from mmseg_splashkd.adaptation.batch_statistics import target_loader
        from mmseg_splashkd.runs.open_network import open_network

        cfg, pairs = self._configs
        begin = time.perf_counter()
        networks = open_network(self._small, own), open_network(cfg, its)
        frames = Runner.build_dataloader(target_loader(pairs, 1))
        point = agreed_point(*networks, (frames, None), own, its)
        seconds = time.perf_counter() - begin
        if point is None:
            return {"refused": "its teacher finds nothing on the target"}
        scores = scores_of(run, own, point["threshold"])
        return {"seconds": seconds, "hardware": device_name(), **scores}

    def _recomputed(self, name: str, seed: int) -> dict[str, Any]:
        """Test weights trained on the source as long, with the target's statistics."""
        folder = self.folder / f"{name}_seed{seed}"
        run = self.run(SOURCE, seed)._replace(folder=folder)
        weights = folder / "weights.safetensors"

        def restated(start: str) -> dict[str, Any]:
            return self._restated(run, start, weights)

        start = self.weights[SOURCE, seed]
        result = kept(folder / "result.json", [start], restated)
        if "test" not in result:
            return {"arm": name, "seed": seed, **result}
        self.weights[name, seed] = str(weights)
        return {"arm": name, "seed": seed, **result, **self._signs(run, name, seed)}

    def _restated(self, run: StudyRun, start: str, weights: Path) -> dict[str, Any]:
        from mmseg_splashkd.adaptation.batch_statistics import (
            write_with_target_statistics,
        )
        from mmseg_splashkd.models.adaptation.statistics import NoStatisticsError

        _, pairs = self._configs
        weights.parent.mkdir(parents=True, exist_ok=True)
        begin = time.perf_counter()
        try:
            write_with_target_statistics(pairs, start, weights)
        except NoStatisticsError as error:
            return {"refused": str(error)}
        seconds = time.perf_counter() - begin
        scores = scores_of(run, weights)
        return {"seconds": seconds, "hardware": device_name(), **scores}


def _refused(name: str, seed: int, start: str) -> dict[str, Any]:
    reason = f"{start} was refused or diverged, from which it goes on"
    return {"arm": name, "seed": seed, "refused": reason}


def study(shift: Shift, folder: Path, jobs: int, results: Path) -> None:
    """Run a shift, and write its results after every run.

    Args:
        shift: What is compared.
        folder: Folder of the runs.
        jobs: Parallel runs.
        results: File of the results.
    """
    import torch

    from mmseg_splashkd.files import write_whole

    torch.set_num_threads(1)  # signs are measured beside runs, which take all cores
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
