"""Label Studio's exports: regions of the JSON, or one PNG per brush region."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from mmseg_splashkd.datasets.converters.bad_labels import Label, label_or_bad
from mmseg_splashkd.datasets.converters.class_names import (
    background_gray,
    gray_of_names,
)
from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.label_studio_pictures import (
    find_picture,
    picture_path,
    stem_with_time,
)
from mmseg_splashkd.datasets.converters.label_studio_regions import (
    HALF,
    Region,
    RegionLabel,
    read_regions,
)
from mmseg_splashkd.datasets.converters.label_studio_tasks import (
    GROUND_TRUTH,
    LATEST,
    Annotation,
    Task,
    check_annotator,
    choose,
    read_tasks,
)
from mmseg_splashkd.datasets.converters.layout import check_choice, index_unique
from mmseg_splashkd.datasets.converters.pictures import (
    Size,
    check_times,
    find_pictures,
    picture_item,
)
from mmseg_splashkd.datasets.label_coding import LabelCoding, read_gray
from mmseg_splashkd.datasets.timestamps import TimestampFormat

# File names of label_studio_converter.brush; user and tag contain no dash.
MASK = re.compile(r"task-(\d+)-annotation-(\d+)-by-[^-]*-[^-]+-(.+)-\d+\.png")


@dataclass(frozen=True)
class BrushMask:
    """Mask of one class.

    Args:
        path: PNG with opacity values 0 to 255.
        annotation: Id of its annotation.
        name: Foreign class name.
    """

    path: Path
    annotation: int
    name: str


@dataclass(frozen=True)
class BrushLabel:
    """Label of one picture, painted from its PNGs when called, largest first.

    Args:
        masks: The PNGs of its regions.
        grays: Gray value of each class, in [0, 255].
        size: (W, H) of the picture.
        background: Gray value of pixels outside all masks.
    """

    masks: tuple[BrushMask, ...]
    grays: Mapping[str, int]
    size: Size
    background: int

    def __call__(self) -> np.ndarray:
        """Return (H, W) uint8 gray values.

        Raises:
            ValueError: A mask cannot be read or differs in size from the picture.
        """
        opaque = [self._read(mask.path) for mask in self.masks]
        label = np.full(self.size[::-1], self.background, np.uint8)
        for i in sorted(range(len(opaque)), key=lambda i: -int(opaque[i].sum())):
            label[opaque[i]] = self.grays[self.masks[i].name]
        return label

    def _read(self, path: Path) -> np.ndarray:
        mask = read_gray(path)
        if mask.shape != self.size[::-1]:
            raise ValueError(
                f"mask {path} has the shape {mask.shape}, its picture {self.size[::-1]}"
            )
        return mask if mask.dtype == bool else mask >= HALF


@dataclass(frozen=True)
class Painting:
    """What is painted for one task.

    Args:
        state: ``'labelled'``, ``'background'``, or why it is unlabelled.
        regions: Regions to paint, in order.
        masks: PNGs to paint instead.
        problem: Why it cannot be painted; empty if it can.
    """

    state: str
    regions: tuple[Region, ...] = ()
    masks: tuple[BrushMask, ...] = ()
    problem: str = ""

    @property
    def names(self) -> set[str]:
        """Foreign classes of its regions or masks."""
        return {part.name for part in (*self.regions, *self.masks)}


def find_masks(src: Path) -> dict[int, list[BrushMask]]:
    """Masks of an export by task id."""
    masks: dict[int, list[BrushMask]] = {}
    for path in sorted(src.glob("task-*.png")):
        if match := MASK.fullmatch(path.name):
            mask = BrushMask(path, int(match[2]), match[3])
            masks.setdefault(int(match[1]), []).append(mask)
    return masks


def read_label_studio(
    src: Path,
    coding: LabelCoding,
    timestamp: TimestampFormat,
    names: Mapping[str, str] | None = None,
    images: str | Path | None = None,
    *,
    tasks: Path,
    annotator: str | None = None,
    annotation: str | None = None,
    image_key: str | None = None,
    skip_bad: bool = False,
) -> list[Item]:
    """Read an export; for the arguments see ``read_masks``, and ``find_tasks``.

    The regions of the JSON export are painted in its order, later ones over earlier
    ones; brush strokes where the opacity is at least one half, outlines where the
    centre of a pixel lies inside. If the JSON lacks the pixels of its brush regions,
    their PNGs are painted, small over large. A task with a submitted annotation without
    regions is all background; one that was skipped, or has drafts or predictions only,
    is unlabelled.

    Raises:
        FileNotFoundError: The list of tasks or a picture is missing.
        ValueError: A class is not in the coding; two tasks have one picture; a task is
            not listed, has several annotations, an annotation without its masks, or a
            region that cannot be painted.
    """
    if annotation is not None:
        check_choice("annotation", annotation, (LATEST, GROUND_TRUTH))
    masks, root = find_masks(src), src / (images or "images")
    rows = read_tasks(tasks)
    check_annotator(rows, annotator)
    if unlisted := sorted(masks.keys() - {task.id for task in rows}):
        raise ValueError(
            f"{masks[unlisted[0]][0].path}: task {unlisted[0]} is not listed"
        )
    pictures = find_pictures(root)
    paths = {
        task.id: find_picture(
            picture_path(task.data, task.id, image_key), pictures, root, task.id
        )
        for task in rows
    }
    index_unique(
        ((path, f"task {task}") for task, path in paths.items()),
        "have one picture: keep one of them",
    )
    paintings = {
        task.id: _painting(
            task, masks.get(task.id, []), tasks, annotator, annotation, skip_bad
        )
        for task in rows
    }
    grays = _grays(paintings.values(), coding, src, names)
    paint = partial(_label, grays=grays, background=background_gray(coding, src))
    items = [
        picture_item(
            path,
            root,
            timestamp,
            src.resolve().name,
            partial(_label_or_bad, paint, paintings[task], skip_bad),
            stem_with_time(path, timestamp),
        )
        for task, path in paths.items()
    ]
    check_times(items)
    _report(paintings.values(), rows, len(pictures) - len(paths))
    return items


def _report(
    paintings: Collection[Painting], tasks: Sequence[Task], without_task: int
) -> None:
    states = Counter(painting.state for painting in paintings)
    listed = ", ".join(f"{n} {state}" for state, n in states.items())
    drafts = sum(bool(task.drafts) for task in tasks)
    more = f"; {drafts} have drafts that were not submitted" if drafts else ""
    more += f"; {without_task} pictures have no task" if without_task else ""
    print_log(f"{len(tasks)} tasks of Label Studio: {listed}{more}", "current")


def _painting(
    task: Task,
    masks: Sequence[BrushMask],
    file: Path,
    annotator: str | None,
    rule: str | None,
    skip_bad: bool,
) -> Painting:
    try:
        return _chosen_painting(task, masks, file, annotator, rule)
    except ValueError as error:
        if not skip_bad:
            raise
        return Painting("left out", problem=str(error))


def _chosen_painting(
    task: Task,
    masks: Sequence[BrushMask],
    file: Path,
    annotator: str | None,
    rule: str | None,
) -> Painting:
    if task.annotations is None:  # a list of pictures only
        ids = sorted({mask.annotation for mask in masks})
        if len(ids) > 1:
            raise ValueError(
                f"{file}: task {task.id} has the annotations {ids}; keep the masks of "
                f"one, or give the JSON export as tasks="
            )
        return Painting("labelled" if masks else "not listed", masks=tuple(masks))
    _check_ids(task, masks, file)
    annotation = choose(task, annotator, rule)
    if annotation is None:
        return Painting("skipped" if task.skipped else "without an annotation")
    own = tuple(mask for mask in masks if mask.annotation == annotation.id)
    return _of_annotation(annotation, own, f"{file}: task {task.id}")


def _check_ids(task: Task, masks: Sequence[BrushMask], file: Path) -> None:
    listed = {one.id for one in task.annotations or ()} | set(task.skipped)
    if others := {mask.annotation for mask in masks} - listed:
        raise ValueError(
            f"{file}: task {task.id} has the annotations {sorted(others | listed)}, "
            f"of which the JSON export lists {sorted(listed)}: export PNG and JSON at "
            f"the same time"
        )


def _of_annotation(
    annotation: Annotation, masks: tuple[BrushMask, ...], source: str
) -> Painting:
    regions = read_regions(annotation.results, source)
    if all(region.has_pixels for region in regions):
        if masks and not regions and not annotation.minimal:
            raise ValueError(
                f"{source} has PNGs of annotation {annotation.id}, which has no region "
                f"in the JSON: export PNG and JSON at the same time"
            )
        if not regions and masks:
            return Painting("labelled", masks=masks)
        return Painting("labelled" if regions else "background", regions)
    if not masks:
        raise FileNotFoundError(
            f"{source} has brush labels, but no PNG: export PNG and JSON at the same "
            f"time"
        )
    if others := [region for region in regions if region.shape != "brush"]:
        raise ValueError(
            f"{others[0].source}: the JSON lacks the pixels of the brush regions "
            f"beside it, so that their order is unknown: export JSON, not JSON-MIN"
        )
    return Painting("labelled", masks=masks)


def _label_or_bad(
    paint: partial, painting: Painting, skip_bad: bool, size: Size
) -> Label | None:
    return label_or_bad(partial(paint, painting, size), skip_bad)


def _label(
    painting: Painting, size: Size, grays: Mapping[str, int], background: int
) -> Label | None:
    if painting.problem:
        raise ValueError(painting.problem)
    if painting.masks:
        return BrushLabel(painting.masks, grays, size, background)
    for region in painting.regions:
        if region.size != size:
            raise ValueError(
                f"{region.source} was drawn on a picture of {region.size[0]}x"
                f"{region.size[1]}, the picture is {size[0]}x{size[1]}"
            )
        region.check()
    if painting.regions or painting.state == "background":
        return RegionLabel(painting.regions, grays, size, background)
    return None


def _grays(
    paintings: Collection[Painting],
    coding: LabelCoding,
    src: Path,
    names: Mapping[str, str] | None,
) -> dict[str, int]:
    """Foreign class name -> gray value."""
    classes = sorted(set().union(*(painting.names for painting in paintings)))
    # A class without regions in this export has no file; names may still have it.
    present = {name.casefold() for name in classes}
    names = {k: v for k, v in (names or {}).items() if k.casefold() in present}
    return gray_of_names(classes, coding, src, names)
