"""Titles of arms: config, the options in which arms differ, teacher ratio."""

from collections import Counter
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from mmseg_splashkd.records.arms import OWN
from mmseg_splashkd.records.record import RunRecord
from mmseg_splashkd.records.store import Run

EQUAL_TIME = "equal wall-clock"  # an arm that was made longer


def families_of(arms: Sequence[Sequence[Run]]) -> list[str]:
    """Config and differing options of arms, such as ``farm_b0_kd, lr = 0.01``.

    Args:
        arms: The runs of each arm, at least one per arm.
    """
    records = [runs[0].record for runs in arms]
    return [_family(runs, records) for runs in arms]


def titles_of(arms: Sequence[Sequence[Run]]) -> list[str]:
    """Unique titles, such as ``farm_b0_kd, lr = 0.01, r = 0.5``.

    Arms that have all of this in common get a note: their teacher, folder, run or work
    directory.

    Args:
        arms: The runs of each arm, at least one per arm.
    """
    firsts = [runs[0] for runs in arms]
    titles = families_of(arms)
    for index, run in enumerate(firsts):
        ratio = ratio_of(run.record)
        titles[index] += "" if ratio is None else f", r = {ratio:g}"
    for title in [title for title, count in Counter(titles).items() if count > 1]:
        equal = [index for index, other in enumerate(titles) if other == title]
        notes = (_notes(firsts[index]) for index in equal)
        kinds = [*zip(*notes, strict=True), range(1, 1 + len(equal))]
        kind = next(kind for kind in kinds if len({*kind}) == len(equal))
        for index, note in zip(equal, kind, strict=True):
            titles[index] += f" ({note})" if note else ""
    return titles


def _notes(run: Run) -> tuple[str, ...]:
    teacher = run.record.teacher
    sha = f"teacher {teacher.sha256[0][:8]}" if teacher and teacher.sha256 else ""
    return sha, run.work_dir.resolve().parent.name, run.name, str(run.work_dir)


def ratio_of(record: RunRecord) -> float | None:
    """teacher_ratio in [0, 1]; None if there is none, or it is a schedule."""
    ratio = record.teacher_ratio
    return float(ratio) if isinstance(ratio, int | float) else None


def _family(runs: Sequence[Run], records: Sequence[RunRecord]) -> str:
    record = runs[0].record
    if record.config is None:
        return _common_name([run.name for run in runs])
    same = [each for each in records if each.config == record.config]
    siblings = [_options(each) for each in same]
    stretched = {key for each in same if each.charge for key in each.charge.changed}
    differing = [
        f"{key.rpartition('.')[2]} = {value}"
        for key, value in _options(record).items()
        if key not in stretched and any(each.get(key) != value for each in siblings)
    ]
    if record.charge is not None and record.charge.changed:
        differing.append(EQUAL_TIME)
    return ", ".join([Path(record.config).stem, *differing])


def _options(record: RunRecord) -> dict[str, Any]:
    """Options that can tell arms of one config apart."""
    own = {"fold"} if ratio_of(record) is None else {"fold", "teacher_ratio"}
    return {
        key: value
        for key, value in record.options.items()
        if key not in OWN and key.rpartition(".")[2] not in own
    }


def _common_name(names: Sequence[str]) -> str:
    same = takewhile(lambda chars: len(set(chars)) == 1, zip(*names, strict=False))
    common = "".join(chars[0] for chars in same)
    return (common if len(names) > 1 else names[0]).rstrip("_-. ") or names[0]
