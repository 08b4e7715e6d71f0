"""Changes of a run between its starts: which took effect, and on what."""

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from mmseg_splashkd.records.record import Change, RunRecord

# Changes that leave the last weights as they would be without them. A longer run is
# one of these: where its schedules follow, they are changes of their own.
WEIGHTS_STAY = (
    "train_cfg.max_iters",
    "train_cfg.max_epochs",
    "*_dataloader.prefetch_factor",
    "*_dataloader.pin_memory",
    "*_dataloader.*data_root",  # equal content, see ``runs.resume``
    "*_dataloader.*split_table",
    "*_dataloader.*ann_file",
    "model.teacher_checkpoint*",
    "val_dataloader.num_workers",
    "test_*",
    "tta_*",
    "visualizer*",
    "vis_backends*",
    "track_*",
    "log_*",
    "data_check*",
    "load_from",
    "default_hooks.logger*",
    "default_hooks.visualization*",
    "default_hooks.checkpoint.*",
    "library *",  # tools/rerun.py warns of them
)


def with_changes(
    earlier: Iterable[Change], new: Iterable[Change], iteration: int
) -> tuple[Change, ...]:
    """The changes of a run that is resumed once more.

    A change at or after the iteration of the checkpoint has had no effect on it: what
    had been trained since is lost. What is left of such changes takes effect now.

    Args:
        earlier: Changes that earlier starts have recorded.
        new: Changes of this start against the latest one.
        iteration: Iteration of the checkpoint; at 0 a run begins, and nothing changes.
    """
    if iteration == 0:
        return ()
    kept = tuple(each for each in earlier if each.iteration < iteration)
    lost = [each for each in earlier if each.iteration >= iteration]
    found: dict[str, Change] = {}
    for each in (*lost, *new):
        before = found[each.key].before if each.key in found else each.before
        found[each.key] = replace(each, iteration=iteration, before=before)
    return (*kept, *(each for each in found.values() if each.before != each.after))


def changed_midway(record: RunRecord) -> tuple[Change, ...]:
    """Changes that a repetition with the last config would have from its start.

    Changes that leave the last weights as they are do not count.

    Args:
        record: Record of a run.
    """
    return tuple(each for each in record.changes if not is_any(each.key, WEIGHTS_STAY))


def is_any(key: str, patterns: Iterable[str]) -> bool:
    """Whether a dotted key is one of some patterns, in which ``*`` is any text."""
    return any(fnmatchcase(key, pattern) for pattern in patterns)


def listed(changes: Iterable[Change]) -> str:
    """Changes in words, for messages."""
    return ", ".join(
        f"{each.key} at iteration {each.iteration} ({shortened(each.before)}, then "
        f"{shortened(each.after)})"
        for each in changes
    )


def shortened(text: str) -> str:
    """At most 60 characters of the text of a value."""
    return text if len(text) <= 60 else f"{text[:57]}..."
