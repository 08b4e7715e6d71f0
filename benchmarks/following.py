r"""Score trackers of splashes on drawn farms, whose bursts are known.

    python benchmarks/following.py                         # true and noisy masks
    python benchmarks/following.py --model student.onnx    # and those of a student
    python benchmarks/following.py --picture tracks.svg    # of the first scene

Bursts are drawn as in ``tools/make_demo_data.py``, with several at once and at several
frame rates. Each row of the table is over the scenes of both farms.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from mmseg_splashkd.datasets.synthetic.farms import FARMS
from mmseg_splashkd.datasets.synthetic.pond_scene import (
    SplashEvent,
    draw_frame,
    make_pond,
)
from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.evaluation.components import Area, areas_of, connected
from mmseg_splashkd.evaluation.following import (
    TRACKERS,
    Follower,
    FollowSettings,
    TrackedBlob,
    TrackScores,
    score_tracks,
)
from mmseg_splashkd.evaluation.following.grouping import joined
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.figures import COLORS, NEUTRAL, grid, svg_figure
from mmseg_splashkd.report.tables import markdown_table

SIZE = (192, 320)
BURST_SECONDS = 15.0  # as of the recordings of draw_pond: five frames, 3 s apart
SHARE = 0.03  # of the pixels, mean of a burst
START = 1_683_000_000 * SECOND
APART = 10**6  # ids and seconds between two scenes
MISSED = 0.05  # share of noisy frames without any splash
BOXES = "true boxes"  # each burst is one, however its foam falls apart
HEADS = ["At once", "Frames a burst", "Given", "Tracker", "Join"]
FIGURES = ["Tracks", "Switches", "Fragm.", "IDF1 (%)", "MOTA (%)", "HOTA (%)"]


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=100, help="of a scene")
    parser.add_argument(
        "--density", type=float, nargs="+", default=[0.5, 1, 2], help="bursts at once"
    )
    parser.add_argument(
        "--burst-frames", type=int, nargs="+", default=[5, 25], help="frames of a burst"
    )
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument("--size", type=int, nargs=2, default=SIZE, help="height, width")
    parser.add_argument("--trackers", nargs="+", choices=TRACKERS, default=TRACKERS)
    parser.add_argument("--min-area", type=int, default=FollowSettings.min_area)
    parser.add_argument("--patience", type=int, default=FollowSettings.patience)
    parser.add_argument("--join", nargs="+", default=["8", "none"], help="pixels, none")
    parser.add_argument("--model", help="file of tools/export.py, or weights")
    parser.add_argument("--config", help="config of weights")
    parser.add_argument("--picture", type=Path, help="SVG of true and found tracks")
    return parser.parse_args(argv)


@dataclass(frozen=True)
class Scene:
    """A drawn recording with known bursts.

    Args:
        times: Times of its frames in nanoseconds.
        images: (H, W, 3) uint8 frames; empty where no student needs them.
        bursts: Foam pixels of each burst in each frame, by number; (H, W) bool.
    """

    times: list[int]
    images: list[np.ndarray]
    bursts: list[dict[int, np.ndarray]]

    def truth(self) -> list[TrackedBlob]:
        """The true tracks."""
        return [
            TrackedBlob(time, number, box)
            for time, masks, boxes in zip(
                self.times, self.bursts, self.boxes(), strict=True
            )
            for number, box in zip(masks, boxes, strict=True)
        ]

    def boxes(self) -> list[list[Area]]:
        """The area of each burst in each frame, also where bursts touch."""
        return [
            [areas_of(mask.astype(np.int64))[0] for mask in masks.values()]
            for masks in self.bursts
        ]

    def foam(self) -> Iterator[np.ndarray]:
        """(H, W) bool foam pixels of each frame."""
        for image, masks in zip(self.images, self.bursts, strict=True):
            yield np.any([np.zeros(image.shape[:2], bool), *masks.values()], axis=0)


class Case(NamedTuple):
    """Scenes of one kind, and their masks.

    Attributes:
        density: Mean number of bursts at once.
        frames: Frames of a burst.
        found: What is found in a frame.
        scenes: The scenes.
        given: The blobs of each frame of each scene.
    """

    density: float
    frames: int
    found: str
    scenes: list[Scene]
    given: list[list[list[Area]]]


def schedule(
    frames: int, active: int, density: float, rng: np.random.Generator
) -> list[list[SplashEvent]]:
    """Bursts of each frame: evenly many, and up to half of the time one by one."""
    moments: list[list[SplashEvent]] = [[] for _ in range(frames)]
    ages = (np.arange(active) + 0.5) / active
    shares = ages**0.5 * (1 - ages) ** 0.8  # as in ``schedule_events``
    shares *= SHARE / shares.mean()
    count = max(1, round(density * frames / active))
    starts = np.linspace(0, frames - active, 2 * count + 1)
    for number in range(1, count + 1):
        first = int(rng.uniform(starts[2 * number - 2], starts[2 * number - 1]))
        strength = rng.uniform(0.7, 1.3)
        for i, (age, share) in enumerate(zip(ages, shares, strict=True)):
            event = SplashEvent(number, float(age), float(strength * share))
            moments[first + i].append(event)
    return moments


def draw(args: argparse.Namespace, farm: str, active: int, density: float) -> Scene:
    """Draw a scene; foam of several bursts is drawn one over the other."""
    seed = args.seed + list(FARMS).index(farm)
    pond = make_pond(*args.size, seed, FARMS[farm])
    rng = np.random.default_rng([seed, active, round(100 * density)])
    moments = schedule(args.frames, active, density, rng)
    step = round(BURST_SECONDS / active * SECOND)
    images, bursts = [], []
    for index, events in enumerate(moments):
        image, _ = draw_frame(pond, index, index / args.frames, None)
        masks = {}
        for event in events:
            shown, masks[event.number] = draw_frame(
                pond, index, index / args.frames, event
            )
            image = np.where(masks[event.number][..., None], shown, image)
        images.append(image)
        bursts.append(masks)
    return Scene([START + i * step for i in range(args.frames)], images, bursts)


def noisy(masks: Iterator[np.ndarray], seed: int) -> Iterator[np.ndarray]:
    """Masks with wrong edges, false blobs, and frames without any splash."""
    rng = np.random.default_rng(seed)
    for mask in masks:
        noise = ndimage.gaussian_filter(rng.standard_normal(mask.shape), 1.5)
        soft = ndimage.gaussian_filter(mask.astype(float), 1.0)
        wrong = soft + 0.15 * noise / noise.std() > 0.5
        yield wrong & (rng.random() >= MISSED)


def predicted(scene: Scene, model: SplashModel) -> Iterator[np.ndarray]:
    """Masks of a student."""
    splash = len(model.classes) - 1
    for number, image in enumerate(scene.images):
        yield model.predict_frame(image, str(number)).labels == splash


def blobs_in(masks: Iterator[np.ndarray]) -> list[list[Area]]:
    """The blobs of each mask."""
    return [areas_of(connected(mask)) for mask in masks]


def follow(
    scene: Scene, given: Sequence[Sequence[Area]], settings: FollowSettings
) -> list[TrackedBlob]:
    """The tracks of a scene."""
    follower, found = Follower(settings), []
    for time, blobs in zip(scene.times, given, strict=True):
        tracks = follower.add(time, blobs).tracks
        both = zip(tracks, blobs, strict=True)
        found += [TrackedBlob(time, track, blob) for track, blob in both]
    return found


def apart(scenes: Sequence[Sequence[TrackedBlob]]) -> list[TrackedBlob]:
    """Tracks of several scenes as those of one, which share no frame and no id."""
    return [
        TrackedBlob(
            time + number * APART * SECOND,
            None if track is None else track + number * APART,
            blob,
        )
        for number, blobs in enumerate(scenes)
        for time, track, blob in blobs
    ]


def cases(args: argparse.Namespace) -> Iterator[Case]:
    """Draw the scenes of each kind, and make their masks."""
    model = SplashModel.load(args.model, args.config) if args.model else None
    for density in args.density:
        for active in args.burst_frames:
            scenes = [draw(args, farm, active, density) for farm in FARMS]
            ways = {
                BOXES: [each.boxes() for each in scenes],
                "true masks": [blobs_in(each.foam()) for each in scenes],
                "noisy masks": [
                    blobs_in(noisy(each.foam(), args.seed)) for each in scenes
                ],
            }
            if model is not None:
                ways["student"] = [blobs_in(predicted(each, model)) for each in scenes]
            for name, given in ways.items():
                yield Case(density, active, name, scenes, given)


def settings_of(args: argparse.Namespace, is_joined: bool) -> list[FollowSettings]:
    """The settings that are compared: each tracker, and each join with the first."""
    if is_joined:
        return [
            FollowSettings(tracker, None, args.min_area, args.patience)
            for tracker in args.trackers
        ]
    joins = [None if each == "none" else int(each) for each in args.join]
    pairs = [(tracker, joins[0]) for tracker in args.trackers]
    pairs += [(args.trackers[0], join) for join in joins[1:]]
    return [
        FollowSettings(tracker, join, args.min_area, args.patience)
        for tracker, join in pairs
    ]


def row(case: Case, settings: FollowSettings, scores: TrackScores) -> list[str]:
    """A row of the table."""
    join = "none" if settings.join is None else str(settings.join)
    shares = (scores.id_f1, scores.mota, scores.hota)
    return [
        f"{case.density:g}",
        str(case.frames),
        case.found,
        settings.tracker,
        join,
        f"{scores.found_tracks:,} of {scores.true_tracks:,}",
        f"{scores.switches:,}",
        f"{scores.fragmentations:,}",
        *(f"{100 * share:.1f}" for share in shares),
    ]


def draw_picture(path: Path, scene: Scene, found: Sequence[TrackedBlob]) -> None:
    """Columns of true and of found splashes over time."""
    with svg_figure((11, 4.5), "following") as drawn:
        axes = drawn.axes
        for blobs, is_true in ((scene.truth(), True), (found, False)):
            for number in sorted({each.track for each in blobs if each.track}):
                own = [each for each in blobs if each.track == number]
                times = sorted({each.time_ns for each in own})
                splashes = [
                    joined([each.blob for each in own if each.time_ns == time])
                    for time in times
                ]
                seconds = [(time - scene.times[0]) / SECOND for time in times]
                draw_track(axes, seconds, splashes, None if is_true else number)
        axes.set_xlim(0, (scene.times[-1] - scene.times[0]) / SECOND)
        axes.set_ylim(0, scene.images[0].shape[1])
        axes.set_xlabel("time, s")
        axes.set_ylabel("column, pixels")
        grid(axes)
    write_whole(path, str(drawn.svg) + "\n")


def draw_track(
    axes: Any, seconds: list[float], splashes: list[Area], number: int | None
) -> None:
    """A true track as a gray band; a found one as a line with its id at its start."""
    low, high = ([each.box[side] for each in splashes] for side in (0, 2))
    if number is None:
        axes.fill_between(seconds, low, high, color=NEUTRAL, alpha=0.3, linewidth=0)
        return
    colour, x = COLORS[number % len(COLORS)], [each.centroid[0] for each in splashes]
    axes.plot(seconds, x, color=colour, linewidth=1.5, marker=".", markersize=3)
    axes.annotate(str(number), (seconds[0], x[0]), color=colour, fontsize=8)


def main(argv: Sequence[str] | None = None) -> None:
    """Draw, follow and print."""
    args, rows = parse_args(argv), []
    for case in cases(args):
        truth = apart([scene.truth() for scene in case.scenes])
        for settings in settings_of(args, case.found == BOXES):
            found = [
                follow(*pair, settings)
                for pair in zip(case.scenes, case.given, strict=True)
            ]
            rows.append(row(case, settings, score_tracks(apart(found), truth)))
            if args.picture is not None and case.found == "true masks":
                draw_picture(args.picture, case.scenes[0], found[0])
                print(args.picture)
                args.picture = None
    print(markdown_table([*HEADS, *FIGURES], rows))


if __name__ == "__main__":
    main()
