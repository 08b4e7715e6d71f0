"""Measure the speed of data loading in this package and in MMSegmentation.

Both run the steps of the base training pipeline of
configs/_base_/datasets/splash_1024.py on drawn frames.
"""

import argparse
import copy
import csv
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_splashkd.datasets.label_coding import SPLASH
from mmseg_splashkd.datasets.synthetic import draw_pond
from mmseg_splashkd.datasets.views import View

CONFIG = Path(__file__).parents[1] / "configs/_base_/datasets/splash_1024.py"
FRAMES = 30  # 21 of them to train on
BATCH = 4
WARM_UP = 6  # batches, more than two workers prefetch


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--size",
        type=int,
        default=1024,
        help="side of the drawn frames in px (default: 1024)",
    )
    parser.add_argument(
        "--workers", type=int, default=2, help="loader processes (default: 2)"
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=9,
        help="alternating measurements of each loader (default: 9)",
    )
    parser.add_argument(
        "--batches",
        type=int,
        default=20,
        help="batches of 4 frames per measurement (default: 20)",
    )
    parser.add_argument(
        "--backend",
        choices=["pillow", "cv2"],
        default="cv2",
        help="library that decodes frames (default: cv2)",
    )
    parser.add_argument(
        "--steps", action="store_true", help="measure the CPU time of each step instead"
    )
    parser.add_argument(
        "--rows",
        type=int,
        help="measure time and memory of a split table of so many rows instead",
    )
    return parser.parse_args(argv)


@DATASETS.register_module()
class MmsegDataset(BaseSegDataset):
    """MMSegmentation's data set, with gray values for its ``LoadAnnotations``."""

    def load_data_list(self) -> list[dict]:
        """List frames as the base class does, and add the label map."""
        coding = {"label_map": dict(SPLASH.gray_to_train_id)}
        return [info | coding for info in super().load_data_list()]


def package_loader(root: Path, backend: str) -> dict:
    """Loader of the config."""
    loader = Config.fromfile(CONFIG).train_dataloader.to_dict()
    frames = loader["dataset"]["dataset"]
    frames["data_root"] = str(root)
    frames["pipeline"][0]["imdecode_backend"] = backend
    return loader


def mmseg_loader(root: Path, loader: dict) -> dict:
    """Loader of the same frames and steps in MMSegmentation's classes."""
    frames: Any = DATASETS.build(loader["dataset"]["dataset"])
    infos = map(frames.get_data_info, range(len(frames)))
    stems = [Path(info["img_path"]).stem for info in infos]
    listed = root / "train.txt"
    listed.write_text("\n".join(stems))
    steps = copy.deepcopy(loader["dataset"]["dataset"]["pipeline"])
    steps[1] = {"type": "LoadAnnotations"}
    return loader | {
        "sampler": {"type": "InfiniteSampler", "shuffle": True},
        "dataset": {
            "type": "MmsegDataset",
            "ann_file": str(listed),
            "data_prefix": {
                "img_path": str(root / "images"),
                "seg_map_path": str(root / "labels"),
            },
            "img_suffix": ".png",
            "metainfo": SPLASH.metainfo,
            "reduce_zero_label": False,
            "pipeline": steps,
        },
    }


def frames_per_second(loader: dict, workers: int, batches: int) -> float:
    """Speed of a new loader after its first batches."""
    changes = {"num_workers": workers, "persistent_workers": False, "batch_size": BATCH}
    built = Runner.build_dataloader(copy.deepcopy(loader) | changes, seed=0)
    stream = iter(built)
    for _ in islice(stream, WARM_UP):
        pass
    begin = time.perf_counter()
    for _ in islice(stream, batches):
        pass
    return batches * BATCH / (time.perf_counter() - begin)


def compare(root: Path, args: argparse.Namespace) -> None:
    """Print frames per second of both loaders, measured alternately."""
    loader = package_loader(root, args.backend)
    loaders = {"mmseg_splashkd": loader, "MMSegmentation": mmseg_loader(root, loader)}
    rates: dict[str, list[float]] = {name: [] for name in loaders}
    for repeat in range(args.repeats):
        for name in sorted(loaders, reverse=bool(repeat % 2)):
            rates[name].append(
                frames_per_second(loaders[name], args.workers, args.batches)
            )
    print("| path | frames/s, median | minimum | maximum |\n|---|---|---|---|")
    for name, drawn in rates.items():
        middle = statistics.median(drawn)
        print(f"| {name} | {middle:.1f} | {min(drawn):.1f} | {max(drawn):.1f} |")
    pairs = zip(rates["mmseg_splashkd"], rates["MMSegmentation"], strict=True)
    ratios = [package / other for package, other in pairs]
    print(
        f"\nmmseg_splashkd / MMSegmentation, median of {len(ratios)} pairs: "
        f"{statistics.median(ratios):.3f}"
    )


@contextmanager
def timed(seconds: list[float]) -> Iterator[None]:
    """Append the CPU time of a block, little affected by other processes."""
    begin = time.process_time()
    yield
    seconds.append(time.process_time() - begin)


def time_steps(dataset: Any, visit: int, spent: dict[str, list[float]]) -> None:
    """Add the time of each step on every frame, and of the whole sample."""
    frames = getattr(dataset, "dataset", dataset)
    for index in range(len(dataset)):
        with timed(spent["get_data_info"]):
            results = frames.get_data_info(index)
        for step in frames.pipeline.transforms:
            with timed(spent[type(step).__name__]):
                results = step(results)
        with timed(spent["all at once"]):
            dataset[index if frames is dataset else View(index, visit, 0)]


def compare_steps(root: Path, args: argparse.Namespace) -> None:
    """Print the milliseconds of each step of both loaders, in this process."""
    loader = package_loader(root, args.backend)
    datasets = [
        DATASETS.build(x["dataset"]) for x in (loader, mmseg_loader(root, loader))
    ]
    spent: list[dict[str, list[float]]] = [defaultdict(list), defaultdict(list)]
    for visit in range(args.repeats):
        for dataset, times in zip(datasets, spent, strict=True):
            time_steps(dataset, visit, times)
    print("| mmseg_splashkd | CPU ms | MMSegmentation | CPU ms |\n|---|---|---|---|")
    for pair in zip(*(times.items() for times in spent), strict=True):
        cells = [f"{name} | {1000 * statistics.median(t):.2f}" for name, t in pair]
        print(f"| {' | '.join(cells)} |")


def measure_rows(root: Path, rows: int) -> None:
    """Print time and memory of a data set of many rows, whose files are empty."""
    for folder in ("images", "labels"):
        (root / folder).mkdir()
    with (root / "frames.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["recording", "timestamp", "frame", "label", "split"])
        for row in range(rows):
            stem = f"{1_700_000_000 + 3 * row}-{0:09d}"
            paths = [f"{folder}/{stem}.png" for folder in ("images", "labels")]
            for path in paths:
                (root / path).touch()
            table.writerow(["cam", stem, *paths, "train"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    dataset: Any = DATASETS.build(
        {
            "type": "TimeSplitDataset",
            "split": "train",
            "split_table": "frames.csv",
            "data_root": str(root),
            "check_labels": False,
            "pipeline": [],
        }
    )
    seconds = time.perf_counter() - begin
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    kept = dataset.data_bytes.nbytes / 2**20
    print("| rows | build, s | peak, additional MiB | kept, MiB |\n|---|---|---|---|")
    print(f"| {len(dataset):,} | {seconds:.2f} | {peak:.0f} | {kept:.0f} |")


def main(argv: Sequence[str] | None = None) -> None:
    """Draw frames, measure, print."""
    args = parse_args(argv)
    init_default_scope("mmseg")
    cv2.setNumThreads(0)  # as in env_cfg of the configs
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if args.rows:
            measure_rows(root, args.rows)
            return
        size = (args.size, args.size)
        draw_pond(root, frames=FRAMES, size=size, progress=False)
        (compare_steps if args.steps else compare)(root, args)


if __name__ == "__main__":
    main()
