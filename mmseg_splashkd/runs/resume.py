"""What a resumed run may change: options that act, and no others."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mmseg_splashkd.config.keys import is_read
from mmseg_splashkd.config.text import text_values
from mmseg_splashkd.records.changes import is_any, shortened
from mmseg_splashkd.records.record import Change, RunRecord

# Data and teacher, by their content: a folder may have another name.
CONTENT: dict[str, Callable[[RunRecord], Any]] = {
    "the split table": lambda record: record.data.table_sha256,
    "the list of training frames": lambda record: record.data.train_frames_sha256,
    "files of frames or labels": lambda record: record.data.files_sha256,
    "the teacher's weights": lambda record: record.teacher and record.teacher.sha256,
}
# Keys whose values a checkpoint overrides, or whose change would make a run that no
# config describes. All other keys that a run reads act in a resumed one.
KEPT = (
    "model.*",
    "data_preprocessor*",
    "*_dataloader.*",
    "val_evaluator*",
    "train_cfg.*",
    "optim_wrapper.*",
    "auto_scale_lr*",
    "randomness.*",
    "default_hooks.checkpoint.*",
)
# Those of them that act in a resumed run.
ACTS = (
    "train_cfg.max_iters",
    "train_cfg.max_epochs",
    "train_cfg.val_*",
    "train_cfg.dynamic_intervals*",
    "*_dataloader.num_workers",
    "*_dataloader.persistent_workers",
    "*_dataloader.prefetch_factor",
    "*_dataloader.pin_memory",
    "val_dataloader.batch_size",
    "test_dataloader.*",
    # Where weights begin, which a repetition needs; files of them may be gone by now.
    "model*.init_cfg*",
    "model*.pretrained",
    "model.teacher_gate*",
    "model.teacher_cache",
    "default_hooks.checkpoint.*interval",
    "default_hooks.checkpoint.max_keep_ckpts",
    "default_hooks.checkpoint.save_last",
    # Compared by content.
    "*_dataloader.*data_root",
    "*_dataloader.*split_table",
    "*_dataloader.*ann_file",
    "model.teacher_checkpoint*",
)
MISSING = "nothing"


def check_resumed(
    before: RunRecord,
    after: RunRecord,
    checkpoint: str,
    iteration: int,
    epoch: int = 0,
) -> tuple[Change, ...]:
    """Refuse to resume a run with options that a checkpoint overrides.

    Optimizer and seed are restored from the checkpoint, whatever the config says; other
    data, another model or batch size would make a run that no record describes.

    Args:
        before: Record of the run.
        after: Description of the start that resumes it.
        checkpoint: File that it is resumed from.
        iteration: Iteration of the checkpoint.
        epoch: Number of complete epochs of the checkpoint, in a loop of epochs.

    Returns:
        The changes that take effect, from this iteration on: keys of the config,
        modules of the network, versions of libraries, and the number of processes.

    Raises:
        ValueError: An option has changed that cannot take effect, or ``max_iters`` or
            ``max_epochs`` is lower than that of the checkpoint.
    """
    _check_length("max_iters", after.iterations, "iteration", iteration, checkpoint)
    others = tuple(Change(iteration, *each) for each in _other_changes(before, after))
    if before.config_text is None or after.config_text is None:
        return others
    new = text_values(after.config_text)
    epochs = (new.get("train_cfg") or {}).get("max_epochs")
    _check_length("max_epochs", epochs, "epoch", epoch, checkpoint)
    old = text_values(before.config_text)
    found = {
        key: both
        for key, both in changed_values(old, new).items()
        if key != "work_dir"
        and any(is_read(each, key.partition(".")[0]) for each in (old, new))
    }
    refused = [
        f"{key} was {_short(old)}, now {_short(new)}"
        for key, (old, new) in found.items()
        if is_any(key, KEPT) and not is_any(key, ACTS)
    ]
    refused += [
        f"{name} changed"
        for name, of in CONTENT.items()
        if of(before) and of(before) != of(after)  # older records lack some
    ]
    if refused:
        more = f"; and {len(refused) - 5} more" if len(refused) > 5 else ""
        raise ValueError(
            f"--resume would not train as asked: {'; '.join(refused[:5])}{more}. A "
            f"resumed run keeps these. Undo the change, or begin a new run from these "
            f"weights: --cfg-options load_from={checkpoint} in another --work-dir, "
            f"without --resume"
        )
    return others + tuple(
        Change(iteration, key, _text(old), _text(new))
        for key, (old, new) in found.items()
    )


def _check_length(
    key: str, length: int | None, unit: str, reached: int, checkpoint: str
) -> None:
    if length is not None and length < reached:
        raise ValueError(
            f"--resume: train_cfg.{key}={length}, and {checkpoint} is of {unit} "
            f"{reached} already: set it to more than that"
        )


def _other_changes(
    before: RunRecord, after: RunRecord
) -> Iterator[tuple[str, str, str]]:
    """What changed beside the config: name, value before and value after."""
    pairs = {"code": (before.code.sources, after.code.sources)}
    pairs["library"] = before.host, after.host
    for kind, (old, new) in pairs.items():
        for name in [*old, *(name for name in new if name not in old)] if old else ():
            one, other = old.get(name, MISSING), new.get(name, MISSING)
            if one != other:
                yield f"{kind} {name}", one, other
    one, other = before.hardware.processes, after.hardware.processes
    if one != other:
        yield "processes", str(one), str(other)


def rates_end_early(changes: tuple[Change, ...], text: str | None) -> str | None:
    """Say that a run was made longer, and its schedules were not; None otherwise.

    Args:
        changes: Changes of the start that resumes it.
        text: Config of that start.
    """
    keys = {each.key.partition(".")[0] for each in changes}
    for each in changes:
        if each.key not in ("train_cfg.max_iters", "train_cfg.max_epochs"):
            continue
        if text is None or "param_scheduler" in keys:
            return None
        schedules = text_values(text).get("param_scheduler")
        schedules = [schedules] if isinstance(schedules, Mapping) else schedules or ()
        for schedule in schedules:
            if (
                isinstance(schedule, Mapping)
                and str(schedule.get("end")) == each.before
            ):
                return (
                    f"{each.key} was {each.before} and is {each.after}, but a "
                    f"schedule of param_scheduler ends at {each.before}: the rate "
                    f"stays as it is there. Set its end too; in the configs of this "
                    f"package, the option max_iters={each.after} sets both"
                )
    return None


def changed(before: str, after: str) -> dict[str, tuple[Any, Any]]:
    """Dotted keys whose values differ between two configs, with both values."""
    return changed_values(text_values(before), text_values(after))


def changed_values(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """``changed`` of the values of two configs."""
    first, second = dict(_values(before)), dict(_values(after))
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


def _text(value: Any) -> str:
    return repr(value) if value != MISSING else MISSING


def _short(value: Any) -> str:
    return shortened(_text(value))
