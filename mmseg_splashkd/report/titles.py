"""Titles of arms: config, the options in which arms differ, teacher ratio."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from mmseg_splashkd.records.arms import OWN
from mmseg_splashkd.records.record import RunRecord
from mmseg_splashkd.records.store import Run


@dataclass(frozen=True)
class Title:
    """Title of an arm.

    Args:
        family: Config and options, such as ``farm_b0_kd, lr = 0.01``.
        ratio: teacher_ratio in [0, 1]; None if there is none, or it is a schedule.
        note: Distinguishes arms that have all of this in common; may be empty.
    """

    family: str
    ratio: float | None = None
    note: str = ""

    @property
    def text(self) -> str:
        """The whole title."""
        ratio = "" if self.ratio is None else f", r = {self.ratio:g}"
        note = f" ({self.note})" if self.note else ""
        return f"{self.family}{ratio}{note}"


def titles_of(arms: Sequence[Sequence[Run]]) -> list[Title]:
    """Unique titles.

    Args:
        arms: The runs of each arm, at least one per arm.
    """
    records = [runs[0].record for runs in arms]
    titles = [Title(_family(runs, records), _ratio(runs[0].record)) for runs in arms]
    for note in (_teacher, _folder, _run, _path):
        titles = _distinguished(titles, arms, note)
    return titles


def _ratio(record: RunRecord) -> float | None:
    ratio = record.teacher_ratio
    return float(ratio) if isinstance(ratio, int | float) else None


def _family(runs: Sequence[Run], records: Sequence[RunRecord]) -> str:
    record = runs[0].record
    if record.config is None:
        return _common_name([run.name for run in runs])
    siblings = [_options(each) for each in records if each.config == record.config]
    options = _options(record)
    differing = [
        f"{key.rpartition('.')[2]} = {options[key]}"
        for key in options
        if any(each.get(key) != options[key] for each in siblings)
    ]
    return ", ".join([Path(record.config).stem, *differing])


def _options(record: RunRecord) -> dict[str, Any]:
    """Options that can tell arms of one config apart."""
    own = {"fold"} if _ratio(record) is None else {"fold", "teacher_ratio"}
    return {
        key: value
        for key, value in record.options.items()
        if key not in OWN and key.rpartition(".")[2] not in own
    }


def _common_name(names: Sequence[str]) -> str:
    same = takewhile(lambda chars: len(set(chars)) == 1, zip(*names, strict=False))
    common = "".join(chars[0] for chars in same)
    return (common if len(names) > 1 else names[0]).rstrip("_-. ") or names[0]


def _distinguished(
    titles: Sequence[Title],
    arms: Sequence[Sequence[Run]],
    note: Callable[[Run], str],
) -> list[Title]:
    """Add a note to equal titles, where it tells all of them apart."""
    equal: dict[str, list[int]] = defaultdict(list)
    for index, title in enumerate(titles):
        equal[title.text].append(index)
    changed = list(titles)
    for indices in equal.values():
        notes = [note(arms[index][0]) for index in indices]
        if len(indices) > 1 and len(set(notes)) == len(notes):
            for index, text in zip(indices, notes, strict=True):
                changed[index] = replace(titles[index], note=text)
    return changed


def _teacher(run: Run) -> str:
    teacher = run.record.teacher
    return f"teacher {teacher.sha256[0][:8]}" if teacher and teacher.sha256 else ""


def _folder(run: Run) -> str:
    return run.work_dir.resolve().parent.name


def _run(run: Run) -> str:
    return run.name


def _path(run: Run) -> str:
    return str(run.work_dir)
