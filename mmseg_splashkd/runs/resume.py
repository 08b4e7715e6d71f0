"""What a resumed run may change: options that act, and no others."""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from mmseg_splashkd.config.text import text_values
from mmseg_splashkd.records.record import Change, RunRecord

# Data and teacher, by their content: a folder may have another name.
CONTENT: dict[str, Callable[[RunRecord], Any]] = {
    "the split table": lambda record: record.data.table_sha256,
    "the list of training frames": lambda record: record.data.train_frames_sha256,
    "files of frames or labels": lambda record: record.data.files_sha256,
    "the teacher's weights": lambda record: record.teacher and record.teacher.sha256,
}
# Keys that a runner or a data set reads. Other keys act through these, if at all.
READ = (
    "model.*",
    "*_dataloader.*",
    "val_evaluator*",
    "train_cfg.*",
    "optim_wrapper.*",
    "auto_scale_lr.*",
    "param_scheduler*",
    "randomness.*",
    "default_hooks.checkpoint.*",
)
# Those of them that act in a resumed run, or have no effect on its results.
ACTS = (
    "train_cfg.max_iters",
    "train_cfg.max_epochs",
    "train_cfg.val_*",
    "train_cfg.dynamic_intervals*",
    "param_scheduler*",  # see ``runs.new_schedule``
    "*_dataloader.num_workers",
    "*_dataloader.persistent_workers",
    "*_dataloader.prefetch_factor",
    "*_dataloader.pin_memory",
    "val_dataloader.batch_size",
    "test_dataloader.*",
    "model*.init_cfg*",  # overwritten by the checkpoint
    "model*.pretrained",
    "model.teacher_gate*",
    "model.teacher_cache",
    "default_hooks.checkpoint.*interval",
    "default_hooks.checkpoint.max_keep_ckpts",
    "default_hooks.checkpoint.save_last",
    "default_hooks.checkpoint.out_dir",
)
# Compared by content.
PATHS = (
    "*_dataloader.*data_root",
    "*_dataloader.*split_table",
    "*_dataloader.*ann_file",
    "model.teacher_checkpoint*",
)
MISSING = "nothing"


def check_resumed(
    before: RunRecord, after: RunRecord, checkpoint: str, iteration: int
) -> tuple[Change, ...]:
    """Refuse to resume a run with options that a checkpoint overrides.

    Optimizer and seed are restored from the checkpoint, whatever the config says; other
    data, another model or batch size would make a run that no record describes.

    Args:
        before: Record of the run.
        after: Description of the start that resumes it.
        checkpoint: File that it is resumed from.
        iteration: Iteration of the checkpoint.

    Returns:
        The changes that take effect, from this iteration on.

    Raises:
        ValueError: An option has changed that cannot take effect, or ``max_iters`` is
            lower than the iteration of the checkpoint.
    """
    if after.iterations is not None and after.iterations < iteration:
        raise ValueError(
            f"--resume: train_cfg.max_iters={after.iterations}, and {checkpoint} is of "
            f"iteration {iteration} already: set it to more than that"
        )
    if before.config_text is None or after.config_text is None:
        return ()
    found = changed(before.config_text, after.config_text)
    found = {key: both for key, both in found.items() if _is(key, READ)}
    changes = [
        f"{key} was {_short(old)}, now {_short(new)}"
        for key, (old, new) in found.items()
        if not _is(key, (*ACTS, *PATHS))
    ]
    changes += [
        f"{name} changed"
        for name, of in CONTENT.items()
        if of(before) and of(before) != of(after)  # older records lack some
    ]
    if changes:
        more = f"; and {len(changes) - 5} more" if len(changes) > 5 else ""
        raise ValueError(
            f"--resume would not train as asked: {'; '.join(changes[:5])}{more}. A "
            f"resumed run keeps these. Undo the change, or begin a new run from these "
            f"weights: --cfg-options load_from={checkpoint} in another --work-dir, "
            f"without --resume"
        )
    return tuple(
        Change(iteration, key, _short(old), _short(new))
        for key, (old, new) in found.items()
        if _is(key, ACTS)
    )


def changed(before: str, after: str) -> dict[str, tuple[Any, Any]]:
    """Dotted keys whose values differ between two configs, with both values."""
    first, second = (dict(_values(text_values(text))) for text in (before, after))
    return {
        key: (first.get(key, MISSING), second.get(key, MISSING))
        for key in [*first, *(key for key in second if key not in first)]
        if first.get(key, MISSING) != second.get(key, MISSING)
    }


def _values(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, each in value.items():
            yield from _values(each, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list | tuple) and any(isinstance(v, Mapping) for v in value):
        for number, each in enumerate(value):
            yield from _values(each, f"{key}.{number}")
    else:
        yield key, list(value) if isinstance(value, tuple) else value


def _is(key: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in patterns)


def _short(value: Any) -> str:
    return f"{value!r:.60}" if value != MISSING else MISSING
