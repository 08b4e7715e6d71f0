r"""Measure how often intervals of scores of events hold, on drawn days.

    python benchmarks/feeding_days.py --model plain=plain.onnx distilled=distilled.onnx
    python benchmarks/event_intervals.py --model plain distilled --days-of-test 12 24

Takes the days that the first command has predicted. Some of them are a test, whose
figures and differences are estimated with their intervals; the figures of all days are
taken for the truth. Tests share days, so that their errors are not independent.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from drawn_days import Day, read_days

from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.report.tables import markdown_table
from mmseg_splashkd.statistics.event_arms import (
    Estimated,
    blocked_events,
    estimate_events,
    figures_of,
)

PIXELS = 192 * 320
HEADS = ["days", "of", "figure", "truth", "tests", "held (%)", "mean width"]


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model",
        dest="models",
        nargs=2,
        default=["plain", "distilled"],
        help="names of two arms (default: plain distilled)",
    )
    parser.add_argument("--days", type=int, default=240, help="default: 240")
    parser.add_argument(
        "--days-of-test", type=int, nargs="+", default=[12], help="default: 12"
    )
    parser.add_argument("--tests", type=int, default=400, help="default: 400")
    parser.add_argument("--on", type=float, default=0.01, help="default: 0.01")
    parser.add_argument("--off", type=float, default=0.005, help="default: 0.005")
    parser.add_argument("--resamples", type=int, default=500, help="default: 500")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("work_dirs/feeding_days/A"),
        help="predicted days (default: work_dirs/feeding_days/A)",
    )
    return parser.parse_args(argv)


def scores_of(days: Sequence[Day]) -> FrameScores:
    """Scores of days, of which nothing but shares is known."""
    times = np.concatenate([day.times_ns for day in days])
    true, share = (
        np.concatenate([np.rint(PIXELS * day[column]) for day in days])
        for column in (1, 2)
    )
    both = np.minimum(true, share)
    rows = [PIXELS - true - share + both, share - both, true - both, both]
    names = tuple(str(number) for number, day in enumerate(days) for _ in day.times_ns)
    return FrameScores(
        np.stack(rows, 1).astype(np.int64).reshape(-1, 2, 2),
        None,
        tuple(map(str, range(len(times)))),
        names,
        times,
        ("water", "splash"),
        "splash",
    )


def estimates(
    arms: Sequence[Sequence[Day]], settings: EventSettings, resamples: int
) -> list[dict[str, Estimated]]:
    """Those of both arms, and of the second less the first."""
    sums = [blocked_events(scores_of(days), settings).sums for days in arms]
    alone = [estimate_events(each, resamples=resamples) for each in sums]
    return [*alone, estimate_events(sums[1], sums[0], resamples)]


def truths(
    arms: Sequence[Sequence[Day]], settings: EventSettings
) -> list[dict[str, float]]:
    """Figures of all days, and their differences."""
    first, second = (
        figures_of(blocked_events(scores_of(days), settings).sums.sum(0))
        for days in arms
    )
    return [first, second, {name: second[name] - first[name] for name in first}]


def rows_of(args: argparse.Namespace, count: int) -> Iterator[list[str]]:
    """Rows of the table for tests of some days."""
    settings = EventSettings(on=args.on, off=args.off)
    arms = [read_days(args.folder, name, range(args.days)) for name in args.models]
    true = truths(arms, settings)
    rng = np.random.default_rng(count)
    tests = []
    for _ in range(args.tests):
        chosen = np.sort(rng.choice(args.days, count, replace=False))
        test = [[days[day] for day in chosen] for days in arms]
        tests.append(estimates(test, settings, args.resamples))
    first, second = args.models
    for number, of in enumerate((first, second, f"{second} less {first}")):
        for name, value in true[number].items():
            found = [each[number][name].interval for each in tests]
            known = [each for each in found if each is not None]
            held = [each.low <= value <= each.high for each in known]
            width = [each.high - each.low for each in known]
            share = f"{100 * np.mean(held):.1f}" if held else "n/a"
            wide = f"{np.mean(width):.2f}" if width else "n/a"
            yield [str(count), of, name, f"{value:.2f}", str(len(known)), share, wide]


def main(argv: Sequence[str] | None = None) -> None:
    """Test, and print a table."""
    args = parse_args(argv)
    rows = [row for count in args.days_of_test for row in rows_of(args, count)]
    print(markdown_table(HEADS, rows))


if __name__ == "__main__":
    main()
