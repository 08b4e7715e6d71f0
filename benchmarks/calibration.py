"""How often tools/compare.py claims what is not so, and misses what is.

    python benchmarks/calibration.py                  # all, some 20 minutes on one core
    python benchmarks/calibration.py --parts null     # the rates that the tool prints

Simulated runs, of which is known whether they differ, are compared as real ones are.
What is simulated: mmseg_splashkd/statistics/simulation.py.
"""

import argparse
import math
import time
from collections.abc import Callable, Sequence
from itertools import product
from statistics import NormalDist

import numpy as np

from mmseg_splashkd.statistics import FoldSeed, Settings, arm_of, compare
from mmseg_splashkd.statistics.compare import differences_of
from mmseg_splashkd.statistics.metrics import areas_of, parse_metric
from mmseg_splashkd.statistics.simulation import (
    CLASSES,
    World,
    scores_of,
    simulate,
)
from mmseg_splashkd.statistics.student import critical

SIZES = (45, 60, 90, 120, 150, 200, 300, 600)
FEW_SIZES = (60, 200, 600)
RUNS_SIZES = (60, 120, 200, 300)
METRICS = ("mIoU", "Dice.splash")
SPREAD = 0.05  # of skill between seeds: about a point of Dice
WORLDS = {
    "frames independent": World(together=1),
    "5 frames alike": World(together=5),
    "10 frames alike (the tables above)": World(),
    "10 frames alike, in steps": World(shape="steps"),
    "20 frames alike": World(together=20),
    "40 frames alike": World(together=40),
    "splash in few frames": World(share=0.002, bursts=2.0),
    "no bursts": World(bursts=0.3),
    "models differ at random": World(noise=1.0),
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    return parser.parse_args()


class Trials:
    """Simulated comparisons of one kind.

    Args:
        args: Their number, the resamples, the seed.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.trials = args.trials
        self.settings = Settings(metrics=METRICS, resamples=args.resamples)
        self.rng = np.random.default_rng(args.seed)

    def skill(
        self, difference: float = 0.0, runs: int = 1, spread: float = SPREAD
    ) -> np.ndarray:
        """(T, J, 2) skill, the second arm better by ``difference``, seeds apart."""
        skill = np.zeros((self.trials, runs, 2))
        if runs > 1:
            skill += spread * self.rng.standard_normal(skill.shape)
        skill[:, :, 1] += difference
        return skill

    def counts(self, world: World, frames: int, skill: np.ndarray) -> np.ndarray:
        """(T, J, 2, N, 2, 2) confusion."""
        return simulate(world, self.rng, frames, skill)

    def claimed(self, counts: np.ndarray, folds: int = 1) -> np.ndarray:
        """(metrics,) percent of trials in which a difference was claimed."""
        claims = []
        for trial in counts:
            found = differences_of(_arms(trial, folds), self.settings)
            claims.append([one.verdict in ("better", "worse") for one in found])
        return 100 * np.mean(claims, 0)

    def blocks(self, counts: np.ndarray) -> int:
        """Into how many blocks the frames are cut."""
        return differences_of(_arms(counts[0], 1), self.settings)[0].blocks


def _arms(trial: np.ndarray, folds: int) -> list:
    """Two arms of (J, 2, N, 2, 2) counts, each fold validating a stretch of frames."""
    arms = []
    for index, name in enumerate("AB"):
        runs = []
        for seed, counts in enumerate(trial[:, index]):
            first = 0
            for fold, part in enumerate(np.array_split(counts, folds)):
                runs.append((FoldSeed(fold, seed), scores_of(part, first)))
                first += len(part)
        arms.append(arm_of(name, runs))
    return arms


def percentile(trials: Trials, counts: np.ndarray, blocks: int) -> float:
    """Percent claimed by the textbook's percentile bootstrap of so many blocks.

    Of Dice of splash, in the first 1,000 trials.
    """
    rng = np.random.default_rng(0)
    metric = parse_metric("Dice.splash", CLASSES)
    frames, claims = counts.shape[3], []
    starts = np.arange(blocks) * frames // blocks
    for trial in areas_of(counts[:1000, 0]):
        sums = np.add.reduceat(trial, starts, axis=1).reshape(2, blocks, -1)
        weights = rng.multinomial(blocks, [1 / blocks] * blocks, 1000)
        first, second = metric.of((weights @ sums).reshape(2, -1, 3, 2))
        known = (second - first)[~np.isnan(second - first)]
        low, high = np.quantile(known, [0.025, 0.975])
        claims.append(low > 0 or high < 0)
    return 100 * float(np.mean(claims))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 1 else f"{value:.1f}"
    return str(value)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table in Markdown."""
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    for row in rows:
        cells = [_cell(cell) for cell in row]
        print("| " + " | ".join(cells) + " |", flush=True)
    print()


def null(trials: Trials) -> None:
    """Runs that do not differ: how often the tool says that they do."""
    rows = []
    for frames in SIZES:
        counts = trials.counts(World(), frames, trials.skill())
        blocks = trials.blocks(counts)
        plain = [percentile(trials, counts, count) for count in (blocks, frames)]
        rows.append([frames, blocks, *trials.claimed(counts), *plain])
    print("Claimed, %, where nothing differs; one run each:\n")
    heads = ["frames", "blocks", *METRICS, "Dice.splash, textbook: of blocks"]
    table([*heads, "of frames"], rows)


def theory(differences: np.ndarray, blocks: int) -> tuple[float, float]:
    """Power, %, of the normal test with known spread, and of Student's t."""
    delta = abs(differences.mean() / differences.std())
    known = NormalDist().cdf(delta - NormalDist().inv_cdf(0.975))
    rng = np.random.default_rng(0)
    spread = np.sqrt(rng.chisquare(blocks - 1, 10**6) / (blocks - 1))
    drawn = delta + rng.standard_normal(10**6)
    return 100 * known, 100 * float(
        np.mean(drawn > critical(0.05, blocks - 1) * spread)
    )


def power(trials: Trials) -> None:
    """Runs that differ: how often the tool says so, beside what theory says."""
    rows = []
    metric = parse_metric("Dice.splash", CLASSES)
    for frames in SIZES[1:]:
        for difference in (0.1, 0.2):
            counts = trials.counts(World(), frames, trials.skill(difference))
            scores = metric.of(areas_of(counts[:, 0]).sum(2))
            differences = scores[:, 1] - scores[:, 0]
            blocks = trials.blocks(counts)
            claimed = float(trials.claimed(counts)[1])
            expected = theory(differences, blocks)
            rows.append([frames, float(differences.mean()), claimed, *expected])
    print("Claimed, %, where Dice of splash does differ; one run each:\n")
    heads = ["frames", "true difference, points", "claimed"]
    table([*heads, "theory: normal, spread known", "theory: Student's t"], rows)


def worlds(trials: Trials) -> None:
    """Other correlation, other splash: how far the rates can be trusted."""
    rows = []
    for name, world in WORLDS.items():
        row = [
            trials.claimed(trials.counts(world, frames, trials.skill()))
            for frames in FEW_SIZES
        ]
        rows.append([name, *(f"{rates[0]:.1f} / {rates[1]:.1f}" for rates in row)])
    print("Claimed, %, where nothing differs (mIoU / Dice), in other worlds:\n")
    table(["world", *(f"{frames} frames" for frames in FEW_SIZES)], rows)


def runs(trials: Trials) -> None:
    """Several seeds an arm on the same frames."""
    rows = []
    for count, spread in product((2, 3, 5), (SPREAD, 3 * SPREAD)):
        for frames in RUNS_SIZES:
            null_rate, seen = (
                trials.claimed(trials.counts(World(), frames, skill))
                for skill in (
                    trials.skill(0.0, count, spread),
                    trials.skill(0.2, count, spread),
                )
            )
            rows.append([count, spread, frames, *null_rate, float(seen[1])])
    print("Claimed, %, with several seeds on the same frames:\n")
    heads = ["seeds", "luck (skill)", "frames", *METRICS]
    table([*heads, "Dice.splash, where it differs by skill 0.2"], rows)


def fold_skill(trials: Trials, folds: int, seeds: int, frames: int) -> np.ndarray:
    """(T, J, 2, N) skill that comes from training parts which folds share."""
    parts = trials.rng.standard_normal((trials.trials, 1, 2, folds))
    learnt = (parts.sum(-1, keepdims=True) - parts) / math.sqrt(folds - 1)
    luck = trials.rng.standard_normal((trials.trials, seeds, 2, folds))
    skill = SPREAD * (learnt + luck)
    sizes = [len(part) for part in np.array_split(np.arange(frames), folds)]
    return np.repeat(skill, sizes, axis=-1)


def folds(trials: Trials) -> None:
    """Folds, each validating frames of its own, with one seed and with three."""
    rows = []
    for seeds in (1, 3):
        for frames in RUNS_SIZES:
            skill = fold_skill(trials, 5, seeds, frames)
            better = skill + np.array([0.0, 0.2])[:, None]
            null_rate, seen = (
                trials.claimed(trials.counts(World(), frames, each), 5)
                for each in (skill, better)
            )
            rows.append([f"5 x {seeds}", frames, *null_rate, float(seen[1])])
    print("Claimed, %, with folds (corrected resampled t-test):\n")
    heads = ["folds x seeds", "frames of all folds", *METRICS]
    table([*heads, "Dice.splash, where it differs by skill 0.2"], rows)


def coverage(trials: Trials) -> None:
    """How often the interval of one run's score holds the score of all frames."""
    rows = []
    long = simulate(World(), trials.rng, 20_000, np.zeros((20, 1, 2)))
    whole = areas_of(long).sum((0, 1, 2, 3))
    truths = [float(parse_metric(name, CLASSES).of(whole)) for name in METRICS]
    for frames in SIZES:
        counts = trials.counts(World(), frames, trials.skill())
        held = []
        for trial in counts:
            scores = compare(_arms(trial, 1)[:1], trials.settings).arms[0]
            found = [scores.intervals[name] for name in METRICS]
            held.append(
                [
                    interval is not None and interval.low <= truth <= interval.high
                    for interval, truth in zip(found, truths, strict=True)
                ]
            )
        rows.append([frames, *(100 * np.mean(held, 0))])
    print("Coverage, %, of one run's own interval (95 would be exact):\n")
    table(["frames", *METRICS], rows)


PARTS: dict[str, Callable[[Trials], None]] = {
    "null": null,
    "power": power,
    "worlds": worlds,
    "runs": runs,
    "folds": folds,
    "coverage": coverage,
}


def main() -> None:
    """Simulate and print."""
    args = parse_args()
    for part in args.parts:
        begin = time.perf_counter()
        PARTS[part](Trials(args))
        print(f"({part}: {time.perf_counter() - begin:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
