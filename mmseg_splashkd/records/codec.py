"""A record as JSON values, and back; records of older versions are converted."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from mmseg_splashkd.records.field_types import check_types
from mmseg_splashkd.records.names import is_below, is_file_name
from mmseg_splashkd.records.record import (
    VERSION,
    Attempt,
    BestAndLast,
    Change,
    Charge,
    Code,
    Cost,
    Data,
    Hardware,
    Memory,
    RunRecord,
    Teacher,
    Timing,
    Weights,
)
from mmseg_splashkd.records.version1 import from_version1

T = TypeVar("T")
Convert = Callable[[Any], Any]


def to_json(record: RunRecord) -> dict[str, Any]:
    """JSON values of a record, with the version of their schema.

    Numbers that JSON cannot hold (NaN, infinity) become None. ``skipped``, ``changes``,
    ``charge``, ``code.sources`` and ``cost.timing`` are left out where they are empty,
    so that earlier versions read these.
    """
    values = asdict(record)
    for key in ("skipped", "changes", "charge"):
        if not values[key]:
            del values[key]
    if not values["code"]["sources"]:
        del values["code"]["sources"]
    if values["cost"] and not values["cost"]["timing"]:
        del values["cost"]["timing"]
    return _finite({"version": VERSION, **values})


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_json(values: Any) -> RunRecord:
    """The record that JSON values hold, of this version or an older one.

    Raises:
        ValueError: They are no record, lack a key or have an unknown one, a value has
            another type, their version is newer than ``VERSION``, or a name would lead
            out of the folder.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"expected a record of a run, got {type(values).__name__}")
    version = values.get("version")
    if version == 1:
        values = from_version1(values)
    elif version != VERSION:
        raise ValueError(_of_other_version(values, version))
    record = _record({key: each for key, each in values.items() if key != "version"})
    _check_names(record)
    check_types(record)
    return record


def _check_names(record: RunRecord) -> None:
    """Check what becomes a path: a record of any origin may hold any text."""
    if not isinstance(record.name, str) or not is_file_name(record.name):
        raise ValueError(f"name={record.name!r:.60} must be a name, without a path")
    weights = [
        each and each.path for each in (record.weights.best, record.weights.last)
    ]
    for path in (*weights, record.scores.best, record.scores.last):
        if path is not None and not (isinstance(path, str) and is_below(path)):
            raise ValueError(f"path {path!r:.60} must be below the folder of the run")


def _of_other_version(values: Mapping[str, Any], version: Any) -> str:
    code = values.get("code")
    writer = code.get("version") if isinstance(code, Mapping) else None
    wrote = f"mmseg_splashkd {writer or 'of unknown version'} wrote it"
    newer = isinstance(version, int) and version > VERSION
    remedy = f"read it with that version{', or a later one' if newer else ''}"
    age = "newer than" if newer else "not one of"
    return (
        f"the record has schema version {version!r}, {age} the supported versions 1 "
        f"to {VERSION}. {wrote}: {remedy}"
    )


def _record(values: Mapping[str, Any]) -> RunRecord:
    return _build(
        RunRecord,
        values,
        skipped=tuple,
        changes=lambda found: tuple(_build(Change, each) for each in found),
        data=_of(Data, tables=tuple, table_sha256=tuple),
        code=_of(Code),
        hardware=_of(Hardware, gpus=tuple),
        memory=_of(Memory),
        teacher=_of(Teacher, checkpoints=tuple, sha256=tuple),
        validations=lambda values: {int(key): each for key, each in values.items()},
        metrics=_of(BestAndLast),
        scores=_of(BestAndLast),
        weights=_of(BestAndLast, best=_of(Weights), last=_of(Weights)),
        cost=_of(Cost, timing=_of(Timing, ms_quartiles=tuple, ratio_quartiles=tuple)),
        charge=_of(Charge, views=tuple, changed=tuple),
        attempts=lambda values: tuple(_build(Attempt, each) for each in values),
    )


def _of(kind: type, **convert: Convert) -> Convert:
    return lambda values: _build(kind, values, **convert)


def _build(kind: type[T], values: Any, **convert: Convert) -> T:
    """Build a dataclass of JSON values, some of which are converted unless None."""
    if not isinstance(values, Mapping):
        raise ValueError(f"{kind.__name__}: expected an object, got {values!r:.60}")
    try:
        return kind(
            **{
                key: value if value is None else convert.get(key, _same)(value)
                for key, value in values.items()
            }
        )
    except (AttributeError, TypeError) as error:
        raise ValueError(f"{kind.__name__}: {error}") from error


def _same(value: Any) -> Any:
    return value
