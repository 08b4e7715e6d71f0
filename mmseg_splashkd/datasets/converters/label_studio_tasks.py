"""Label Studio's JSON exports: tasks, their annotations, and which one is followed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmseg_splashkd.datasets.converters.layout import describe_contents
from mmseg_splashkd.datasets.listing import is_system_file
from mmseg_splashkd.datasets.timestamps import TimestampFormat
from mmseg_splashkd.foreign import UnreadableError, one_line, read_json

LATEST, GROUND_TRUTH = "latest", "ground-truth"
MINIMAL = "annotation_id"  # only in rows of the JSON-MIN export
DATE = TimestampFormat("iso8601")


@dataclass(frozen=True)
class Annotation:
    """One annotation that was submitted, not skipped.

    Args:
        id: Its id.
        annotators: Id and e-mail of the person, as far as they are exported.
        updated: Date of the last change; empty if unknown.
        ground_truth: Whether it is marked so; None if the export does not tell.
        results: Its results, which may be regions.
        minimal: Whether it is from a JSON-MIN export.
    """

    id: int
    annotators: tuple[str, ...]
    updated: str
    ground_truth: bool | None
    results: Sequence[Any]
    minimal: bool = False

    def __str__(self) -> str:
        who = " or ".join(self.annotators) or "unknown"
        marked = ", ground truth" if self.ground_truth else ""
        return f"{self.id} (by {who}, {self.updated or 'undated'}{marked})"


@dataclass
class Task:
    """One task.

    Args:
        id: Its id.
        data: Fields of the task, one of which names the picture.
        annotations: Submitted annotations; None if the list does not tell.
        skipped: Ids of annotations that were cancelled.
        drafts: Number of drafts that were not submitted.
    """

    id: int
    data: Mapping[str, Any]
    annotations: list[Annotation] | None = None
    skipped: list[int] = field(default_factory=list)
    drafts: int = 0


def find_tasks(src: Path, tasks: str | Path | None) -> Path:
    """The file that lists the tasks of an export.

    Args:
        src: Folder of the export.
        tasks: The file, relative to ``src`` or absolute; None: the only ``*.json`` in
            ``src``.

    Raises:
        FileNotFoundError: There is no such file, or there are several.
    """
    found = sorted(p for p in src.glob("*.json") if not is_system_file(p.name))
    files = [src / tasks] if tasks else found
    if len(files) != 1 or not files[0].is_file():
        raise FileNotFoundError(
            f"one JSON export must list the picture of each task; name it by tasks=. "
            f"{describe_contents(src)}"
        )
    return files[0]


def read_tasks(file: Path) -> list[Task]:
    """Read the list of tasks of an export.

    Args:
        file: JSON or JSON-MIN export, or a JSON object of task id -> picture.

    Raises:
        ValueError: The file has another content, or lists a task or annotation twice.
    """
    try:
        content = read_json(file, "export")
        if isinstance(content, dict):
            if {"images", "annotations"} <= content.keys():
                raise ValueError("it is a COCO file, which the converter coco reads")
            return [Task(int(key), {"image": name}) for key, name in content.items()]
        return _merged([_task(row) for row in content])
    except UnreadableError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as e:
        raise UnreadableError(
            f"{file} is neither a JSON export of Label Studio nor an object of "
            f"task id -> picture: {one_line(repr(e))}"
        ) from e


def _task(row: Mapping[str, Any]) -> Task:
    key = int(row["id"])
    if "data" not in row:
        return Task(key, row, [_minimal(row)] if MINIMAL in row else None)
    listed = row.get("annotations", row.get("completions"))  # before version 1.0
    task = Task(key, row["data"], drafts=len(row.get("drafts") or ()))
    if listed is None:
        return task
    task.annotations = []
    for annotation in listed:
        if annotation.get("was_cancelled") or annotation.get("skipped"):
            task.skipped.append(int(annotation.get("id", -1)))
        else:
            task.annotations.append(_annotation(annotation))
    return task


def _annotation(row: Mapping[str, Any]) -> Annotation:
    results = row.get("result", ())
    if not isinstance(results, list):
        raise ValueError(f"the results of annotation {row.get('id')} are {results!r}")
    by = row.get("completed_by")
    who = [by.get("id"), by.get("email")] if isinstance(by, dict) else [by]
    return Annotation(
        id=int(row.get("id", -1)),
        annotators=tuple(str(name) for name in who if name not in (None, "")),
        updated=str(row.get("updated_at") or row.get("created_at") or ""),
        ground_truth=row.get("ground_truth"),
        results=results,
    )


def _minimal(row: Mapping[str, Any]) -> Annotation:
    """Annotation of JSON-MIN: its fields that are lists of mappings hold the results.

    Cancelled annotations are not in such an export.

    Raises:
        ValueError: Two tags have regions: their order is not in the export.
    """
    lists = {
        key: value
        for key, value in row.items()
        if isinstance(value, list)
        and any(isinstance(v, dict) and "original_width" in v for v in value)
    }
    if len(lists) > 1:
        raise ValueError(
            f"task {row['id']} has regions of the tags {sorted(lists)}, and JSON-MIN "
            f"does not tell which lie on top: export JSON"
        )
    annotator = row.get("annotator")
    return Annotation(
        id=int(row[MINIMAL]),
        annotators=() if annotator is None else (str(annotator),),
        updated=str(row.get("updated_at") or row.get("created_at") or ""),
        ground_truth=None,
        results=next(iter(lists.values()), []),
        minimal=True,
    )


def _merged(tasks: Sequence[Task]) -> list[Task]:
    """One task per id: JSON-MIN has a row for each annotation."""
    merged: dict[int, Task] = {}
    for task in tasks:
        first = merged.setdefault(task.id, task)
        if first is task:
            continue
        new, old = task.annotations or [], first.annotations or []
        if not (new and old and new[0].minimal and old[0].minimal):
            raise ValueError(f"task {task.id} is listed twice")
        first.annotations = [*old, *new]
    return list(merged.values())


def check_annotator(tasks: Sequence[Task], annotator: str | None) -> None:
    """Check that an annotator has annotations.

    Raises:
        ValueError: Nobody of this id or e-mail has.
    """
    known = {who for t in tasks for a in t.annotations or () for who in a.annotators}
    if annotator is not None and annotator not in known:
        raise ValueError(f"annotator={annotator!r} is not one of {sorted(known)}")


def choose(task: Task, annotator: str | None, rule: str | None) -> Annotation | None:
    """The annotation of a task to follow.

    Args:
        task: The task.
        annotator: Id or e-mail of a person whose annotations alone count; None: all.
        rule: Which of several: ``'latest'`` change, or only one that is marked as
            ``'ground-truth'``; None refuses several.

    Returns:
        The annotation; None if there is none.

    Raises:
        ValueError: Several are left, or the export does not tell what the rule needs.
    """
    left = task.annotations or []
    if annotator is not None:
        left = [one for one in left if annotator in one.annotators]
    if rule == GROUND_TRUTH:
        if any(one.ground_truth is None for one in left):
            raise ValueError(
                f"task {task.id}: the export does not tell which annotation is ground "
                f"truth: {_listed(left)}. Export JSON, or choose by --annotator"
            )
        left = [one for one in left if one.ground_truth]
    if rule == LATEST and len(left) > 1:
        return _latest(left, task)
    if len(left) > 1:
        raise ValueError(
            f"task {task.id} has {len(left)} annotations: {_listed(left)}. Choose with "
            f"--annotator WHO, --annotation latest or --annotation ground-truth"
        )
    return left[0] if left else None


def _latest(annotations: Sequence[Annotation], task: Task) -> Annotation:
    dates = [DATE.parse(a.updated, f"task {task.id}").timestamp for a in annotations]
    latest = [
        a for a, date in zip(annotations, dates, strict=True) if date == max(dates)
    ]
    if len(latest) > 1:
        raise ValueError(
            f"task {task.id}: two annotations are the latest: {_listed(latest)}. "
            f"Choose with --annotator"
        )
    return latest[0]


def _listed(annotations: Sequence[Annotation]) -> str:
    return ", ".join(map(str, annotations))
