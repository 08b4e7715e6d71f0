r"""Measure how often intervals of events, hours and days hold, on drawn days.

    python benchmarks/feeding_days.py --model plain=plain.onnx taught=taught.onnx \
        --jobs 2 --json docs/error_bars.json
    python benchmarks/feeding_days.py --model A=a.onnx --days 60 --other B

Each day has two observed hours of 120 frames, its own weather and its own number of
events. For each of the days, some other days are taken as those on which the truth is
known; the intervals of the day are made from them, and compared with its truth.
Finished days are kept: an interrupted command can be repeated.
"""

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from drawn_days import HOURS, INTERVAL, Day, draw_days, read_days

from mmseg_splashkd.evaluation.bursts import stretches
from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.tables import markdown_table
from mmseg_splashkd.statistics.event_errors import (
    CorrectedDay,
    Estimate,
    EventReference,
    Known,
    KnownFrames,
    Missed,
    Predictor,
    Signs,
    correct_day,
    reference_of,
    unlike,
)
from mmseg_splashkd.statistics.event_errors.corrected import INSIDE
from mmseg_splashkd.statistics.event_errors.from_frames import compare_stretch

QUANTITIES = ("events", "duration", "area")
HEADS = ["quantity", "intervals", "held (%)", "truth below", "truth above"]
HEADS += ["width", "meant (%)"]
QUIET = 3  # one day in that many, those with the fewest true events


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model",
        dest="models",
        nargs="+",
        required=True,
        metavar="NAME=FILE",
        help="exported students",
    )
    parser.add_argument("--farm", default="A", help="drawn farm (default: A)")
    parser.add_argument("--days", type=int, default=240, help="default: 240")
    parser.add_argument(
        "--known",
        type=int,
        nargs="+",
        default=[12],
        help="days on which the truth is known, one or more numbers (default: 12)",
    )
    parser.add_argument("--other", help="farm to which the errors are carried over")
    parser.add_argument(
        "--days-of-other", type=int, default=60, help="its days (default: 60)"
    )
    parser.add_argument("--on", type=float, default=0.01, help="default: 0.01")
    parser.add_argument("--off", type=float, default=0.005, help="default: 0.005")
    parser.add_argument("--draws", type=int, default=1000, help="default: 1000")
    parser.add_argument("--jobs", type=int, default=1, help="parallel processes")
    parser.add_argument("--json", type=Path, help="file of the figures to write")
    parser.add_argument(
        "--work-dir",
        type=Path,
        default=Path("work_dirs/feeding_days"),
        help="folder of the days (default: work_dirs/feeding_days)",
    )
    args = parser.parse_args(argv)
    if args.days <= max(args.known):
        parser.error(f"--days {args.days}: give more than --known {max(args.known)}")
    args.models = dict(each.split("=", 1) for each in args.models)
    return args


class Truth(NamedTuple):
    """What was found and what was true on a day.

    Attributes:
        found: Hour and found event.
        missed: Hour and missed event.
        signs: Confidence, share of calm frames and time in events, without labels.
    """

    found: list[tuple[int, Known]]
    missed: list[tuple[int, Missed]]
    signs: Signs

    def of(self, hours: Sequence[int]) -> tuple[float, float, float]:
        """Number, duration and area of the true events that begin in these hours."""
        found = [each for hour, each in self.found if hour in hours]
        missed = [each for hour, each in self.missed if hour in hours]
        both = [*found, *missed]
        return (
            sum(each.true for each in found) + len(missed),
            sum(each.duration_s for each in both),
            sum(each.area_share_s for each in both),
        )


class Held(NamedTuple):
    """One interval beside the truth.

    Attributes:
        quantity: Such as ``day area``.
        low: Whether the truth is below the interval.
        high: Whether it is above.
        width: ``(high - low) / true value``; NaN if the true value is 0.
        meant: Share of the draws that are in it: 0.95; of whole numbers often more.
    """

    quantity: str
    low: bool
    high: bool
    width: float
    meant: float


def known(days: Sequence[Day]) -> KnownFrames:
    """The frames of days, each of which is a block and a recording."""
    counts = [len(day.times_ns) for day in days]
    names = [str(number) for number, count in enumerate(counts) for _ in range(count)]
    columns = (np.concatenate(each) for each in zip(*days, strict=True))
    times, true, share, confidence = columns
    blocks = np.repeat(np.arange(len(days)), counts)
    return KnownFrames(names, times, share, confidence, true, blocks)


def truth_of(day: Day, settings: EventSettings) -> Truth:
    """What was found and what was true."""
    frames = known([day])
    found, missed, calm, busy = [], [], [], 0
    for hour, (rows, interval) in enumerate(
        stretches(frames.recordings, frames.times_ns)
    ):
        part = frames.of(rows)
        compared = compare_stretch(part, settings, interval)
        found += [(hour, each) for each in compared.found]
        missed += [(hour, each) for each in compared.missed]
        calm.append(part.predicted[compared.is_calm])
        busy += int((~compared.is_calm).sum())
    sure = [each.seen.confidence for _, each in found]
    signs = Signs(_mean(sure), _mean(np.concatenate(calm)), busy / len(frames.times_ns))
    return Truth(found, missed, signs)


def _mean(values: Sequence[float] | np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def intervals_of(
    truth: Truth, reference: EventReference, args: argparse.Namespace, seed: int
) -> tuple[CorrectedDay, np.ndarray]:
    """The corrected day, and the (draws, hours) numbers of events it is made of."""
    predictor = Predictor(reference, args.draws, seed)
    hours = [hour for hour, _ in truth.found]
    day = (
        [each.seen for _, each in truth.found],
        hours,
        [float(3600)] * len(HOURS),
        float(INTERVAL),
        0,
    )
    draws = predictor.draw(*day)  # the same ones as those of correct_day
    begins_in = np.array(hours, int)[:, None] == np.arange(len(HOURS))
    return correct_day(predictor, *day), draws.true @ begins_in + draws.missed


def compared(
    truth: Truth, corrected: CorrectedDay, numbers: np.ndarray
) -> Iterator[Held]:
    """All intervals of a day beside the truth."""
    for (_, event), found in zip(truth.found, corrected.events, strict=True):
        if event.true:
            yield from _held("event duration", found.duration_s, event.duration_s)
            yield from _held("event area", found.area_share_s, event.area_share_s)
    hours = list(range(len(HOURS)))
    spans = [("day", corrected.day, hours)]
    spans += [("hour", corrected.spans[hour], [hour]) for hour in hours]
    for name, totals, of in spans:
        for quantity, estimate, true in zip(
            QUANTITIES, totals[1:], truth.of(of), strict=True
        ):
            drawn = numbers[:, of].sum(1) if quantity == "events" else None
            yield from _held(f"{name} {quantity}", estimate, true, drawn)


def _held(
    quantity: str, estimate: Estimate, true: float, drawn: np.ndarray | None = None
) -> Iterator[Held]:
    if math.isnan(estimate.low):
        return
    meant = INSIDE
    if drawn is not None:
        meant = float(((drawn >= estimate.low) & (drawn <= estimate.high)).mean())
    slack = 1e-9 * max(1.0, abs(true))
    width = (estimate.high - estimate.low) / true if true else math.nan
    low, high = true < estimate.low - slack, true > estimate.high + slack
    yield Held(quantity, low, high, width, meant)


class Study(NamedTuple):
    """Intervals of some days by errors of other ones.

    Attributes:
        held: The intervals of each day; none where the known days have too few events.
        unlike: Whether each day is called unlike those whose truth is known.
        refused: Whether those have too few events.
        counts: (n,) true events of each day.
    """

    held: list[list[Held]]
    unlike: list[bool]
    refused: list[bool]
    counts: np.ndarray


def study(
    days: Sequence[Day],
    tested: Sequence[Day] | None,
    number: int,
    args: argparse.Namespace,
) -> Study:
    """Make the intervals of each day from other days.

    Args:
        days: Days whose truth may be known.
        tested: Days of another camera; None: these days, each by other ones.
        number: Days whose truth is known.
        args: Arguments of ``parse_args``.
    """
    settings = EventSettings(on=args.on, off=args.off)
    held, strange, refused, counts = [], [], [], []
    for at, day in enumerate(days if tested is None else tested):
        rng = np.random.default_rng((number, at))
        others = [i for i in range(len(days)) if tested is not None or i != at]
        chosen = [days[i] for i in rng.permutation(others)[:number]]
        truth = truth_of(day, settings)
        counts.append(truth.of(range(len(HOURS)))[0])
        try:
            reference = reference_of(known(chosen), settings, "splash")
        except ValueError:
            reference = None
        refused.append(reference is None)
        if reference is None:
            held.append([])
            strange.append(False)
            continue
        made = intervals_of(truth, reference, args, at)
        held.append(list(compared(truth, *made)))
        strange.append(bool(unlike(reference, truth.signs)))
    return Study(held, strange, refused, np.array(counts))


def summary(held: Sequence[Sequence[Held]]) -> dict[str, dict[str, float]]:
    """Quantity -> how often its intervals held."""
    by_name: dict[str, list[Held]] = {}
    for each in (one for day in held for one in day):
        by_name.setdefault(each.quantity, []).append(each)
    return {
        name: {
            "intervals": len(each),
            "held": 100 * (1 - float(np.mean([one.low or one.high for one in each]))),
            "below": 100 * float(np.mean([one.low for one in each])),
            "above": 100 * float(np.mean([one.high for one in each])),
            "width": float(np.nanmedian([one.width for one in each])),
            "meant": 100 * float(np.mean([one.meant for one in each])),
        }
        for name, each in sorted(by_name.items())
    }


def table(figures: dict[str, dict[str, float]]) -> str:
    """A summary in Markdown."""
    rows = [
        [
            name,
            str(each["intervals"]),
            f"{each['held']:.1f}",
            f"{each['below']:.1f}",
            f"{each['above']:.1f}",
            f"{each['width']:.2f}",
            f"{each['meant']:.1f}",
        ]
        for name, each in figures.items()
    ]
    return markdown_table(HEADS, rows)


def overview(figures: dict[str, dict]) -> str:
    """A row a quantity, and for each setting how often intervals held, and width."""
    names = {name for each in figures.values() for name in each["quantities"]}
    heads = ["quantity", *(f"{title}: held (%), width" for title in figures)]
    rows = [
        [name, *(_short(each["quantities"].get(name)) for each in figures.values())]
        for name in sorted(names)
    ]
    rows += [
        [what, *(f"{each[key]:.1f} % of {each['days']}" for each in figures.values())]
        for what, key in (
            ("days called unlike", "unlike"),
            ("days with too few known events", "refused"),
        )
    ]
    return markdown_table(heads, rows)


def _short(figure: dict[str, float] | None) -> str:
    return "none" if figure is None else f"{figure['held']:.1f}, {figure['width']:.2f}"


def _draw(folder: Path, farm: str, days: range, models: dict[str, str]) -> None:
    paths = {name: Path(file) for name, file in models.items()}
    for day in draw_days(folder, farm, days, paths):
        print(f"{farm} day {day}", flush=True)


def draw_all(args: argparse.Namespace) -> None:
    """Draw what is missing, in parallel."""
    asked = [(args.farm, args.days)]
    if args.other:
        asked.append((args.other, args.days_of_other))
    jobs = [
        (args.work_dir / farm, farm, range(first, days, args.jobs), args.models)
        for farm, days in asked
        for first in range(args.jobs)
    ]
    if args.jobs == 1:
        for job in jobs:
            _draw(*job)
        return
    with ProcessPoolExecutor(args.jobs) as pool:
        list(pool.map(_draw, *zip(*jobs, strict=True)))


def main(argv: Sequence[str] | None = None) -> None:
    """Draw the days, make the intervals, and print how often they held."""
    args = parse_args(argv)
    draw_all(args)
    figures = {}
    for name, number in product(args.models, args.known):
        days = read_days(args.work_dir / args.farm, name, range(args.days))
        figures |= dict(_figures(name, number, days, args))
    for title, each in figures.items():
        print(
            f"\n{title}: {each['unlike']:.1f} % of {each['days']} days called unlike\n"
        )
        print(table(each["quantities"]))
    print(f"\n{overview(figures)}")
    if args.json is not None:
        write_whole(args.json, json.dumps(figures, indent=1) + "\n")


def _figures(
    name: str, number: int, days: Sequence[Day], args: argparse.Namespace
) -> Iterator[tuple[str, dict]]:
    same = study(days, None, number, args)
    title = f"{name}, {number} known days"
    yield title, _figure(same, np.arange(len(days)))
    quiet = np.argsort(same.counts, kind="stable")[: len(days) // QUIET]
    yield f"{title}, the third of the days with fewest events", _figure(same, quiet)
    if args.other:
        folder = args.work_dir / args.other
        tested = read_days(folder, name, range(args.days_of_other))
        other = study(days, tested, number, args)
        yield f"{title}, farm {args.other}", _figure(other, np.arange(len(tested)))


def _figure(done: Study, days: np.ndarray) -> dict:
    return {
        "days": len(days),
        "refused": 100 * float(np.mean([done.refused[day] for day in days])),
        "unlike": 100 * float(np.mean([done.unlike[day] for day in days])),
        "quantities": summary([done.held[day] for day in days]),
    }


if __name__ == "__main__":
    main()
