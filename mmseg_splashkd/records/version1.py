"""Records of schema version 1, as ``run.json`` and ``records.jsonl`` held them."""

from collections.abc import Mapping
from typing import Any

RENAMED = {"run": "name", "how": "status", "why": "reason"}
DROPPED = ("version", "work_dir", "recorded")
OF_TEACHER = ("checkpoint", "sha256")


def from_version1(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON values of version 1 as JSON values of version 2.

    ``run``, ``how`` and ``why`` become ``name``, ``status`` and ``reason``; a single
    table or teacher becomes a list of one.

    Raises:
        ValueError: They lack the name, the id or the end state.
    """
    if missing := [key for key in ("id", "run", "how") if key not in values]:
        raise ValueError(f"the record lacks {', '.join(missing)}")
    new = {
        RENAMED.get(key, key): value
        for key, value in values.items()
        if key not in DROPPED and value is not None
    }
    if "data" in new:
        new["data"] = _data(new["data"])
    if "teacher" in new:
        new["teacher"] = _teacher(new["teacher"])
    return new


def _data(data: Mapping[str, Any]) -> dict[str, Any]:
    lists = {
        "tables": _as_list(data.get("table")),
        "table_sha256": _as_list(data.get("table_sha256")),
    }
    return {key: value for key, value in data.items() if key != "table"} | lists


def _teacher(teacher: Mapping[str, Any]) -> dict[str, Any]:
    report = {key: value for key, value in teacher.items() if key not in OF_TEACHER}
    return {
        "checkpoints": _as_list(teacher.get("checkpoint")),
        "sha256": _as_list(teacher.get("sha256")),
        "report": report or None,
    }


def _as_list(value: Any) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]
