"""False positive rate, power and coverage of tools/compare.py in simulation.

    python benchmarks/calibration.py                  # all, 20 minutes on one core
    python benchmarks/calibration.py --parts null     # the rates that the tool prints

Simulated runs with a given true difference are compared by the code of the tool. The
simulation: mmseg_splashkd/statistics/simulation.py.
"""

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from statistics import NormalDist

import numpy as np
from scipy.optimize import brentq

from mmseg_splashkd.statistics import FoldSeed, Settings, arm_of, compare
from mmseg_splashkd.statistics.compare import differences_of
from mmseg_splashkd.statistics.intervals import critical_t
from mmseg_splashkd.statistics.metrics import areas_of, parse_metric
from mmseg_splashkd.statistics.simulation import (
    CLASSES,
    World,
    scores_of,
    simulate,
)

SIZES = (45, 60, 90, 120, 150, 200, 300, 600)
FEW_SIZES = (60, 200, 600)
RUNS_SIZES = (60, 120, 200, 300)
METRICS = ("mIoU", "Dice.splash")
SPREAD = 0.05  # of skill between seeds: about one point of Dice
# A file of the same weights in another format or precision, and another training run:
# how its errors vary beside those that both share, and the margin that is asked for.
KINDS = {
    "a copy": (World(own=0.025, noise=0.025), 0.5),
    "another model": (World(), 2.0),
}
WORLDS = {
    "independent frames": World(correlation_time=1),
    "correlation time 5": World(correlation_time=5),
    "correlation time 10 (the tables above)": World(),
    "correlation time 10, in steps": World(shape="steps"),
    "correlation time 20": World(correlation_time=20),
    "correlation time 40": World(correlation_time=40),
    "splash in few frames": World(share=0.002, bursts=2.0),
    "no bursts": World(bursts=0.3),
    "large independent errors": World(noise=1.0),
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--trials",
        type=int,
        default=2000,
        help="simulated comparisons per row of a table (default: 2000)",
    )
    parser.add_argument(
        "--resamples",
        type=int,
        default=500,
        help="bootstrap resamples per comparison (default: 500)",
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of the simulation (default: 1)"
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=PARTS,
        default=list(PARTS),
        help="tables to print (default: all)",
    )
    return parser.parse_args(argv)


class Trials:
    """Simulated comparisons with common settings.

    Args:
        args: Command line: number of trials, resamples, seed.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.trials = args.trials
        self.settings = Settings(metrics=METRICS, resamples=args.resamples)
        self.rng = np.random.default_rng(args.seed)

    def skill(
        self, difference: float = 0.0, runs: int = 1, spread: float = SPREAD
    ) -> np.ndarray:
        """(T, J, 2) skill: arms differ by ``difference``, seeds by sd ``spread``."""
        skill = np.zeros((self.trials, runs, 2))
        if runs > 1:
            skill += spread * self.rng.standard_normal(skill.shape)
        skill[:, :, 1] += difference
        return skill

    def counts(self, world: World, frames: int, skill: np.ndarray) -> np.ndarray:
        """Confusion counts (T, J, 2, N, 2, 2) of N frames."""
        return simulate(world, self.rng, frames, skill)

    def claimed(self, counts: np.ndarray, folds: int = 1) -> np.ndarray:
        """(metrics,) percent of trials with a significant difference."""
        claims = []
        for trial in counts:
            found = differences_of(_arms(trial, folds), self.settings)
            claims.append([one.verdict in ("better", "worse") for one in found])
        return 100 * np.mean(claims, 0)

    def blocks(self, counts: np.ndarray) -> int:
        """Number of blocks of the frames."""
        return differences_of(_arms(counts[0], 1), self.settings)[0].blocks


def _arms(trial: np.ndarray, folds: int) -> list:
    """Two arms of (J, 2, N, 2, 2) counts, each fold with a range of the frames."""
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


def percentile(counts: np.ndarray, blocks: int) -> float:
    """Percent claimed by a percentile bootstrap, for comparison.

    Metric is Dice of splash, over the first 1,000 trials.

    Args:
        counts: (T, J, 2, N, 2, 2).
        blocks: Number of blocks that are resampled.
    """
    rng = np.random.default_rng(0)
    metric = parse_metric("Dice.splash", CLASSES)
    frames, claims = counts.shape[3], []
    starts = np.arange(blocks) * frames // blocks
    for trial in areas_of(counts[:1000, 0]):
        sums = np.add.reduceat(trial, starts, axis=1).reshape(2, blocks, -1)
        weights = rng.multinomial(blocks, [1 / blocks] * blocks, 1000)
        first, second = metric.of((weights @ sums).reshape(2, -1, 3, 2))
        valid = (second - first)[~np.isnan(second - first)]
        low, high = np.quantile(valid, [0.025, 0.975])
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
    """False positive rate with one run per arm."""
    rows = []
    for frames in SIZES:
        counts = trials.counts(World(), frames, trials.skill())
        blocks = trials.blocks(counts)
        plain = [percentile(counts, count) for count in (blocks, frames)]
        rows.append([frames, blocks, *trials.claimed(counts), *plain])
    print("False positive rate, %; one run per arm:\n")
    heads = [
        "frames",
        "blocks",
        *METRICS,
        "Dice.splash, percentile bootstrap: of blocks",
    ]
    table([*heads, "of frames"], rows)


def theory(differences: np.ndarray, blocks: int) -> tuple[float, float]:
    """Power, %, of the normal test with known variance, and of Student's t."""
    delta = abs(differences.mean() / differences.std())
    normal = NormalDist().cdf(delta - NormalDist().inv_cdf(0.975))
    rng = np.random.default_rng(0)
    spread = np.sqrt(rng.chisquare(blocks - 1, 10**6) / (blocks - 1))
    drawn = delta + rng.standard_normal(10**6)
    return 100 * normal, 100 * float(np.mean(drawn > critical_t(blocks - 1) * spread))


def power(trials: Trials) -> None:
    """Power: how often a true difference is claimed, beside theory."""
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
    print("Power, %, for a difference in Dice of splash; one run per arm:\n")
    heads = ["frames", "true difference, points", "significant"]
    table([*heads, "theory: normal, known variance", "theory: Student's t"], rows)


def worlds(trials: Trials) -> None:
    """False positive rate in other scenes."""
    rows = []
    for name, world in WORLDS.items():
        row = [
            trials.claimed(trials.counts(world, frames, trials.skill()))
            for frames in FEW_SIZES
        ]
        rows.append([name, *(f"{rates[0]:.1f} / {rates[1]:.1f}" for rates in row)])
    print("False positive rate, %, mIoU / Dice, in other scenes:\n")
    table(["scene", *(f"{frames} frames" for frames in FEW_SIZES)], rows)


def runs(trials: Trials) -> None:
    """False positive rate and power with several seeds on the same frames."""
    rows = []
    for count, spread in product((2, 3, 5), (SPREAD, 3 * SPREAD)):
        for frames in RUNS_SIZES:
            null_rate, power_rate = (
                trials.claimed(trials.counts(World(), frames, skill))
                for skill in (
                    trials.skill(0.0, count, spread),
                    trials.skill(0.2, count, spread),
                )
            )
            rows.append([count, spread, frames, *null_rate, float(power_rate[1])])
    print("Claimed, %, with several seeds on the same frames:\n")
    heads = ["seeds", "spread between seeds (skill)", "frames", *METRICS]
    table([*heads, "Dice.splash, where it differs by skill 0.2"], rows)


def fold_skill(trials: Trials, folds: int, seeds: int, frames: int) -> np.ndarray:
    """Skill (T, J, 2, N) of models whose training parts overlap between folds."""
    parts = trials.rng.standard_normal((trials.trials, 1, 2, folds))
    common = (parts.sum(-1, keepdims=True) - parts) / math.sqrt(folds - 1)
    own = trials.rng.standard_normal((trials.trials, seeds, 2, folds))
    skill = SPREAD * (common + own)
    sizes = [len(part) for part in np.array_split(np.arange(frames), folds)]
    return np.repeat(skill, sizes, axis=-1)


def folds(trials: Trials) -> None:
    """False positive rate and power with folds, with one seed and with three."""
    rows = []
    for seeds in (1, 3):
        for frames in RUNS_SIZES:
            skill = fold_skill(trials, 5, seeds, frames)
            better = skill + np.array([0.0, 0.2])[:, None]
            null_rate, power_rate = (
                trials.claimed(trials.counts(World(), frames, each), 5)
                for each in (skill, better)
            )
            rows.append([f"5 x {seeds}", frames, *null_rate, float(power_rate[1])])
    print("Claimed, %, with folds (corrected resampled t-test):\n")
    heads = ["folds x seeds", "frames of all folds", *METRICS]
    table([*heads, "Dice.splash, power at a skill difference of 0.2"], rows)


def coverage(trials: Trials) -> None:
    """Coverage of the interval of one score."""
    rows = []
    long = simulate(World(), trials.rng, 20_000, np.zeros((20, 1, 2)))
    whole = areas_of(long).sum((0, 1, 2, 3))
    truths = [float(parse_metric(name, CLASSES).of(whole)) for name in METRICS]
    for frames in SIZES:
        counts = trials.counts(World(), frames, trials.skill())
        covered = []
        for trial in counts:
            scores = compare(_arms(trial, 1)[:1], trials.settings).arms[0]
            intervals = [scores.intervals[name] for name in METRICS]
            covered.append(
                [
                    interval is not None and interval.low <= truth <= interval.high
                    for interval, truth in zip(intervals, truths, strict=True)
                ]
            )
        rows.append([frames, *(100 * np.mean(covered, 0))])
    print("Coverage of the interval of one score, % (nominal: 95):\n")
    table(["frames", *METRICS], rows)


def skill_of(world: World, points: float) -> float:
    """The skill by which a second model is better by so many points of Dice."""
    metric = parse_metric("Dice.splash", CLASSES)

    def beyond(skill: float) -> float:
        rng, both = np.random.default_rng(0), np.zeros((20, 1, 2))
        both[..., 1] = skill
        counts = simulate(world, rng, 20_000, both)
        first, second = metric.of(areas_of(counts).sum((0, 1, 3)))
        return float(second - first) - points

    return float(brentq(beyond, 0.0, points / 5, xtol=1e-4))


def equivalence(trials: Trials) -> None:
    """How often arms are called equivalent that differ by the margin, or not at all."""
    rows = []
    for name, (world, margin) in KINDS.items():
        asked = Settings(("Dice.splash",), None, trials.settings.resamples, 0)
        asked = replace(asked, equivalent=margin)
        at_margin = skill_of(world, margin)
        for frames in RUNS_SIZES + SIZES[-1:]:
            row: list[object] = [name, margin, frames]
            for skill in (at_margin, at_margin / 2, 0.0):
                counts = trials.counts(world, frames, trials.skill(skill))
                found = [differences_of(_arms(c, 1), asked)[0] for c in counts]
                said = [each.equivalence for each in found]
                claims = [each and each.verdict == "equivalent" for each in said]
                row.append(100 * float(np.mean([bool(claim) for claim in claims])))
            rows.append(row)
    print("Called equivalent in Dice of splash, %, by their true difference:\n")
    heads = ["second arm", "margin, points", "frames", "the margin", "half of it"]
    table([*heads, "none"], rows)


def photo_scenes(
    trials: Trials, groups: int, size: int
) -> dict[str, tuple[np.ndarray, list[str]]]:
    """Counts (T, 1, 2, N, 2, 2) and recordings of N = groups x size photos."""
    count = trials.trials
    skill = np.zeros((count * groups, 1, 2))
    alike = simulate(World(correlation_time=5), trials.rng, size, skill)
    alike = alike.reshape(count, groups, 1, 2, size, 2, 2).transpose(
        0, 2, 3, 1, 4, 5, 6
    )
    alike = alike.reshape(count, 1, 2, groups * size, 2, 2)
    single = simulate(
        World(correlation_time=1), trials.rng, groups * size, np.zeros((count, 1, 2))
    )
    one = ["."] * (groups * size)
    folders = [f"{group:03}" for group in range(groups) for _ in range(size)]
    order = trials.rng.permutation(groups * size)
    return {
        "independent photos, one folder": (single, one),
        f"{size} alike of each scene, a folder per scene": (alike, folders),
        f"{size} alike of each scene, one folder": (alike, one),
        f"{size} alike of each scene, one folder, names in no order": (
            alike[:, :, :, order],
            one,
        ),
    }


def photos(trials: Trials) -> None:
    """False positive rate and coverage without time stamps."""
    rows = []
    for groups, size in ((3, 4), (6, 4), (12, 5), (24, 5), (60, 5)):
        for name, (counts, folders) in photo_scenes(trials, groups, size).items():
            rows.append([name, groups * size, *_without_time(trials, counts, folders)])
    print("Without time stamps: false positive rate, and coverage of one score, %:\n")
    heads = ["photos", "frames", "blocks", *METRICS]
    table([*heads, *(f"{name}, coverage" for name in METRICS)], rows)


def _without_time(
    trials: Trials, counts: np.ndarray, folders: Sequence[str]
) -> list[object]:
    """Number of blocks, rates of false claims, and coverage of one score."""
    whole = areas_of(counts).sum((0, 1, 2, 3))
    truths = [float(parse_metric(name, CLASSES).of(whole)) for name in METRICS]
    claims, covered, blocks = [], [], 0
    for trial in counts:
        arms = []
        for name, frames in zip("AB", trial[0], strict=True):
            scores = replace(
                scores_of(frames),
                timestamps=np.full(len(frames), -1),
                recordings=tuple(folders),
            )
            arms.append(arm_of(name, [(FoldSeed(None, None), scores)]))
        found = compare(arms, trials.settings)
        blocks = found.arms[0].blocks
        claims.append([d.verdict in ("better", "worse") for d in found.differences])
        intervals = [found.arms[0].intervals[name] for name in METRICS]
        covered.append(
            [
                interval is not None and interval.low <= truth <= interval.high
                for interval, truth in zip(intervals, truths, strict=True)
            ]
        )
    return [blocks, *(100 * np.mean(claims, 0)), *(100 * np.mean(covered, 0))]


PARTS: dict[str, Callable[[Trials], None]] = {
    "null": null,
    "power": power,
    "worlds": worlds,
    "runs": runs,
    "folds": folds,
    "coverage": coverage,
    "equivalence": equivalence,
    "photos": photos,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Simulate and print."""
    args = parse_args(argv)
    for part in args.parts:
        begin = time.perf_counter()
        PARTS[part](Trials(args))
        print(f"({part}: {time.perf_counter() - begin:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
