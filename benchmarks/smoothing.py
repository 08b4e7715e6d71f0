r"""Measure what smoothing in time gains and costs, on drawn scenes with known events.

    python benchmarks/smoothing.py --model plain=plain.onnx distilled=distilled.onnx

Each scene has its weather, its waves and its events, of a median of 20 s, a minute
apart. Every frame is predicted once by each model; its probabilities are then averaged
over time by each time constant, as by ``tools/watch.py --smooth``. Intervals are of the
differences from the frames alone, over scenes.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from drawn_days import FARMS, SIZE, START, camera_of, schedule

from mmseg_splashkd.datasets.synthetic.pond_scene import draw_frame, stream_of
from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.deploy import SplashModel
from mmseg_splashkd.deploy.watch.smoother import Smoother
from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.evaluation.flicker import flicker_metrics, transitions
from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.tables import markdown_table
from mmseg_splashkd.statistics.blocks import BlockLength
from mmseg_splashkd.statistics.event_arms import blocked_events, figures_of
from mmseg_splashkd.statistics.intervals import over_frames
from mmseg_splashkd.statistics.resampling import block_bootstrap

GAP_S, LENGTH_S = 60.0, 20.0
CLASSES = ("water", "splash")
EVENTS = ("precision", "recall", "false_per_hour", "onset_abs_mean", "end_abs_mean")
FIGURES = ("dice", "flicker", "tc", *EVENTS, "area_mean")
HEADS = {
    "dice": "Dice (%)",
    "flicker": "Flicker (%)",
    "tc": "TC of splash (%)",
    "precision": "Precision (%)",
    "recall": "Recall (%)",
    "false_per_hour": "False per hour",
    "onset_abs_mean": "Onset, abs. (s)",
    "end_abs_mean": "End, abs. (s)",
    "area_mean": "Area (%)",
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", dest="models", nargs="+", required=True, metavar="NAME=FILE"
    )
    parser.add_argument("--farm", default="A", choices=sorted(FARMS))
    parser.add_argument("--scenes", type=int, default=24, help="default: 24")
    parser.add_argument("--frames", type=int, default=600, help="of a scene")
    parser.add_argument("--size", type=int, nargs=2, default=SIZE, help="height, width")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds")
    parser.add_argument(
        "--tau", type=float, nargs="+", default=[0.5, 1, 2, 4, 8], help="seconds"
    )
    parser.add_argument("--on", type=float, default=0.01, help="default: 0.01")
    parser.add_argument("--off", type=float, default=0.005, help="default: 0.005")
    parser.add_argument("--jobs", type=int, default=1, help="parallel processes")
    parser.add_argument("--json", type=Path, help="file of the figures to write")
    args = parser.parse_args(argv)
    args.models = dict(each.split("=", 1) for each in args.models)
    return args


@dataclass
class Counted:
    """What one way of smoothing gives in a scene.

    Attributes:
        confusion: (2, 2) pixels of each frame: true classes by predicted ones.
        changes: Transitions between frames where the image does not change.
        last: The mask before.
    """

    confusion: list[np.ndarray] = field(default_factory=list)
    changes: np.ndarray = field(default_factory=lambda: np.zeros((2, 2), np.int64))
    last: np.ndarray | None = None

    def add(
        self,
        labels: np.ndarray,
        foam: np.ndarray,
        images: tuple[np.ndarray, np.ndarray] | None,
    ) -> None:
        """Count a frame; ``images`` are the one before and this one."""
        codes = np.bincount(2 * foam.ravel() + labels.ravel(), minlength=4)
        self.confusion.append(codes.reshape(2, 2))
        if images is not None and self.last is not None:
            self.changes += transitions((self.last, labels), images, 2)
        self.last = labels


Key = tuple[str, float]  # name of a model, and time constant; 0: frames alone


def count_scene(args: argparse.Namespace, number: int) -> dict[Key, Counted]:
    """Draw a scene, predict it, and count."""
    models = {
        name: SplashModel.load(path, engine="onnxruntime", threads=1)
        for name, path in args.models.items()
    }
    smoothers = {
        (name, tau): Smoother(model, tau)
        for name, model in models.items()
        for tau in args.tau
    }
    rng = stream_of(11, number)
    view = replace(camera_of(args.farm, rng, args.size), seed=20_000 + number)
    events = schedule(rng, GAP_S, LENGTH_S, args.interval, args.frames)
    found: dict[Key, Counted] = {}
    before = None
    for index, event in enumerate(events):
        image, foam = draw_frame(view, index, index / args.frames, event)
        images = None if before is None else (before, image)
        time_ns = round(index * args.interval * SECOND)
        for name, model in models.items():
            alone = model.predict_frame(image)
            found.setdefault((name, 0.0), Counted()).add(alone.labels, foam, images)
            for tau in args.tau:
                smooth = smoothers[name, tau].add(time_ns, alone)
                counted = found.setdefault((name, tau), Counted())
                counted.add(smooth.labels, foam, images)
        before = image
    return found


def scores_of(scenes: Sequence[Counted], interval: float) -> FrameScores:
    """Scores of the frames of all scenes, which are a day apart."""
    confusion = np.concatenate([np.stack(each.confusion) for each in scenes])
    each = len(scenes[0].confusion)
    times = [
        (START + 86_400 * number) * SECOND + round(index * interval * SECOND)
        for number in range(len(scenes))
        for index in range(each)
    ]
    names = tuple(str(number) for number in range(len(scenes)) for _ in range(each))
    frames = tuple(map(str, range(len(times))))
    return FrameScores(
        confusion, None, frames, names, np.array(times), CLASSES, CLASSES[1]
    )


@dataclass(frozen=True)
class Sums:
    """Sums of each of Q scenes, of which all figures are ratios.

    Args:
        events: (Q, 9), as of ``blocked_events``.
        pixels: (Q, 3) splash that is predicted and true, predicted, and true.
        changes: (Q, 2, 2) transitions.
    """

    events: np.ndarray
    pixels: np.ndarray
    changes: np.ndarray

    @classmethod
    def of(
        cls, scenes: Sequence[Counted], interval: float, settings: EventSettings
    ) -> "Sums":
        """Those of the scenes of one way."""
        length = BlockLength(frames=len(scenes[0].confusion))
        blocked = blocked_events(scores_of(scenes, interval), settings, block=length)
        totals = np.stack([np.sum(each.confusion, axis=0) for each in scenes])
        pixels = [totals[:, 1, 1], totals[:, :, 1].sum(1), totals[:, 1].sum(1)]
        changes = np.stack([each.changes for each in scenes])
        return cls(blocked.sums, np.stack(pixels, 1), changes)

    def figures(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Figures of (R, Q) weights of the scenes; (R,)."""
        both, predicted, true = (weights @ self.pixels).T
        changes = np.tensordot(weights, self.changes, 1)
        kept = [flicker_metrics(each, CLASSES) for each in changes]
        events = figures_of(weights @ self.events)
        return {
            "dice": 200 * both / (predicted + true),
            "flicker": np.array([each["Flicker"] for each in kept]),
            "tc": np.array([each["TC.splash"] for each in kept]),
            **{name: events[name] for name in (*EVENTS, "area_mean")},
        }


def table(sums: Mapping[Key, Sums]) -> Iterator[tuple[Key, dict[str, list[float]]]]:
    """Value, and ends of the interval of the difference from frames alone."""
    for (name, tau), own in sums.items():
        base, scenes = sums[name, 0.0], len(own.pixels)
        whole = own.figures(np.ones((1, scenes)))
        shown = {figure: [float(value[0])] for figure, value in whole.items()}
        for figure in FIGURES if tau else ():

            def difference(
                weights: np.ndarray,
                figure: str = figure,
                own: Sums = own,
                base: Sums = base,
            ) -> np.ndarray:
                return own.figures(weights)[figure] - base.figures(weights)[figure]

            interval = over_frames(block_bootstrap(difference, scenes))
            if interval.error > 0:  # not where no scene differs, and not NaN
                shown[figure] += [interval.value, interval.low, interval.high]
        yield (name, tau), shown


def cell(figure: str, values: Sequence[float]) -> str:
    """``97.8``, or with the interval of its difference ``97.8 (+0.1 to +0.4)``."""
    digits = 1 if "%" in HEADS[figure] and figure != "flicker" else 2
    text = f"{values[0]:.{digits}f}"
    if len(values) == 1:
        return text
    return f"{text} ({values[2]:+.{digits}f} to {values[3]:+.{digits}f})"


def count_scenes(args: argparse.Namespace) -> Iterator[dict[Key, Counted]]:
    """Count all scenes, several at once if asked."""
    asked = [args] * args.scenes, range(args.scenes)
    if args.jobs == 1:
        yield from map(count_scene, *asked)
        return
    with ProcessPoolExecutor(args.jobs) as pool:
        yield from pool.map(count_scene, *asked)


def main(argv: Sequence[str] | None = None) -> None:
    """Draw, predict, smooth and print."""
    args = parse_args(argv)
    scenes: list[dict[Key, Counted]] = []
    for scene in count_scenes(args):
        scenes.append(scene)
        print(f"{len(scenes)} of {args.scenes} scenes", flush=True)
    settings = EventSettings(on=args.on, off=args.off)
    sums = {
        key: Sums.of([scene[key] for scene in scenes], args.interval, settings)
        for key in scenes[0]
    }
    found = dict(table(sums))
    rows = [
        [name, f"{tau:g}" if tau else "none", *(cell(f, shown[f]) for f in FIGURES)]
        for (name, tau), shown in found.items()
    ]
    height, width = args.size
    print(f"{args.scenes} scenes of {args.frames} frames of {width}x{height} pixels")
    print(markdown_table(["student", "tau (s)", *(HEADS[f] for f in FIGURES)], rows))
    if args.json is not None:
        values = {f"{name}, {tau:g}": shown for (name, tau), shown in found.items()}
        write_whole(args.json, json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()
