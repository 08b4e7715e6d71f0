"""Precision and recall of tools/find_label_errors.py on planted label errors.

    python benchmarks/label_errors.py data/noisy work_dirs/noisy/fold*

The frames are those of ``tools/make_demo_data.py --label-noise``, whose
``label_errors.csv`` and ``clean_labels/`` hold the true labels; there is one run per
fold. See docs/label_errors.md.
"""

import argparse
import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage
from sklearn.metrics import average_precision_score

from mmseg_splashkd.label_errors import (
    LabelError,
    LabelErrors,
    find_label_errors,
    open_runs,
)
from mmseg_splashkd.label_errors.regions import MIN_SHARE

CUTS = (0.25, 0.5, 1.0, 1.5, 2.0)  # fractions of the number of planted errors
# Share of the pixels of a region that must be wrong for it to be a true positive, and
# share of the pixels of an error that must be covered for it to be found.
RIGHT = 0.5
KINDS = ("missed", "false", "stale", "shifted", "dilated", "eroded")


class Truth(NamedTuple):
    """The planted error of a frame."""

    kind: str | None
    wrong: np.ndarray  # (H, W) bool
    areas: list[np.ndarray]  # its connected areas that are large enough to be listed


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_root", type=Path, help="farm with planted errors")
    parser.add_argument("runs", nargs="+", help="work directories, one per fold")
    parser.add_argument(
        "--weights",
        choices=("last", "best"),
        default="last",
        help="weights of each run (default: last)",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Find label errors, compare them with the planted ones, print tables."""
    args = parse_args(argv)
    runs, unjudged = open_runs(args.runs, weights=args.weights)
    found = find_label_errors(runs, unjudged)
    if unjudged:
        print(f"{len(unjudged)} frames were not judged")
    truth = read_truth(args.data_root, found)
    planted = sum(each.kind is not None for each in truth)
    print(f"{len(truth)} frames judged, {planted} with a planted error\n")
    print_rankings(found, truth)
    print_cuts(truth)
    print_kinds(truth)
    print_regions(found, truth)
    print_named_kinds(found, truth)


def read_truth(root: Path, found: LabelErrors) -> list[Truth]:
    """Planted errors of the frames, by rank."""
    with (root / "label_errors.csv").open(newline="", encoding="utf-8") as file:
        errors = {Path(row["frame"]).name: row for row in csv.DictReader(file)}
    truth = []
    for finding in found.findings:
        row = errors.get(Path(finding.frame.image).name)
        shape = finding.predicted.shape
        wrong = np.zeros(shape, bool)
        if row:
            wrong = read(finding.frame.label) != read(root / row["clean_label"])
        truth.append(Truth(row["kind"] if row else None, wrong, areas_of(wrong)))
    return truth


def read(path: str | Path) -> np.ndarray:
    """Read a gray label (H, W)."""
    with Image.open(path) as image:
        return np.asarray(image)


def areas_of(mask: np.ndarray) -> list[np.ndarray]:
    """Connected areas (H, W) of a mask that are large enough to be listed."""
    labelled: Any = ndimage.label(mask, structure=np.ones((3, 3)))
    numbered, count = labelled
    areas = [numbered == number for number in range(1, count + 1)]
    return [area for area in areas if area.sum() >= MIN_SHARE * mask.size]


def is_wrong(truth: list[Truth]) -> np.ndarray:
    """Whether each frame has a planted error."""
    return np.array([each.kind is not None for each in truth])


def print_rankings(found: LabelErrors, truth: list[Truth]) -> None:
    """Print average precision and R-precision of several rankings of frames."""
    wrong = is_wrong(truth)
    rankings = {
        "highest region score (the tool)": [f.score for f in found.findings],
        "softmin (cleanlab, per image)": [-f.quality for f in found.findings],
        "suspicious pixels": [suspicious(f) for f in found.findings],
    }
    print("| frames ranked by | average precision | precision of the first n |")
    print("|---|---|---|")
    for name, scores in rankings.items():
        first = np.argsort(-np.array(scores), kind="stable")[: wrong.sum()]
        area = average_precision_score(wrong, scores)
        print(f"| {name} | {area:.3f} | {wrong[first].mean():.1%} |")
    print(f"| chance | {wrong.mean():.3f} | {wrong.mean():.1%} |\n")


def suspicious(finding: LabelError) -> int:
    """Number of pixels in regions."""
    return sum(region.pixels for region in finding.regions)


def cuts_of(truth: list[Truth]) -> list[int]:
    """Numbers of top-ranked frames to evaluate."""
    return [max(1, round(cut * is_wrong(truth).sum())) for cut in CUTS]


def print_cuts(truth: list[Truth]) -> None:
    """Print precision and recall of frames at several cuts."""
    wrong = is_wrong(truth)
    print("| inspected frames | precision | recall |")
    print("|---|---|---|")
    for cut in cuts_of(truth):
        hits = wrong[:cut].sum()
        print(f"| {cut} | {hits / cut:.1%} | {hits / wrong.sum():.1%} |")
    print()


def print_kinds(truth: list[Truth]) -> None:
    """Print how many frames of each kind of error are at the top of the ranking."""
    total = Counter(each.kind for each in truth)
    cuts = cuts_of(truth)
    print(
        "| planted | frames | wrong pixels, median | "
        + " | ".join(f"in the first {cut}" for cut in cuts)
        + " |"
    )
    print("|---" * (3 + len(cuts)) + "|")
    for kind in KINDS:
        pixels = [each.wrong.sum() for each in truth if each.kind == kind]
        hits = [sum(each.kind == kind for each in truth[:cut]) for cut in cuts]
        median = f"{np.median(pixels):.0f}" if pixels else "-"
        cells = [str(total[kind]), median, *map(str, hits)]
        print(f"| {kind} | {' | '.join(cells)} |")
    print()


def print_regions(found: LabelErrors, truth: list[Truth]) -> None:
    """Print precision and recall of regions of all frames at several cuts."""
    listed = sorted(
        (
            (region.score, index, region)
            for index, finding in enumerate(found.findings)
            for region in finding.regions
        ),
        key=lambda entry: -entry[0],
    )
    areas = sum(len(each.areas) for each in truth)
    covered = [np.zeros_like(each.wrong) for each in truth]
    cuts = [max(1, round(cut * areas)) for cut in CUTS]
    right = 0
    print("| inspected regions | precision | recall |")
    print("|---|---|---|")
    for number, (_, index, region) in enumerate(listed, 1):
        box = region.box
        place = np.s_[box.top : box.bottom, box.left : box.right]
        covered[index][place] |= region.mask
        right += truth[index].wrong[place][region.mask].mean() >= RIGHT
        if number in cuts:
            hits = count_found(truth, covered)
            print(f"| {number} | {right / number:.1%} | {hits / areas:.1%} |")
    print(f"\n{areas} planted regions, {len(listed)} listed\n")


def count_found(truth: list[Truth], covered: list[np.ndarray]) -> int:
    """Number of planted regions with enough covered pixels."""
    return sum(
        bool(mask[area].mean() >= RIGHT)
        for each, mask in zip(truth, covered, strict=True)
        for area in each.areas
    )


def print_named_kinds(found: LabelErrors, truth: list[Truth]) -> None:
    """Print the kind that the tool gives the top region of each wrong frame."""
    kinds: defaultdict[str, Counter] = defaultdict(Counter)
    for finding, each in zip(found.findings, truth, strict=True):
        if each.kind is not None:
            kind = finding.regions[0].kind if finding.regions else "nothing"
            kinds[each.kind][kind] += 1
    print("| planted | kind of the top region |")
    print("|---|---|")
    for kind in KINDS:
        counts = ", ".join(f"{n} {name}" for name, n in kinds[kind].most_common())
        print(f"| {kind} | {counts} |")


if __name__ == "__main__":
    main()
