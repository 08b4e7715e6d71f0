"""What a folder of predictions was made for, so that it is never mixed with another."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from mmseg_splashkd.datasets.listing import is_system_file
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.foreign import read_json

FILE = "asked.json"
HASH = re.compile("[0-9a-f]{64}")


def claim_folder(
    folder: Path, asked: Mapping[str, str], absent: Mapping[str, str] | None = None
) -> None:
    """Note what is asked of a new folder, or compare it with what was asked before.

    Args:
        folder: Folder of predictions; created if missing.
        asked: What is asked: name -> value.
        absent: Values of names that a folder of an earlier version does not have.

    Raises:
        FileExistsError: The folder holds files of something else.
        UnwritableError: Drive, quota or rights do not allow it.
        ValueError: Something else was asked before; the message has it.
    """
    file = folder / FILE
    if not file.is_file():
        _check_empty(folder)
        write_whole(file, json.dumps(dict(asked), indent=1) + "\n")
        return
    before = read_json(file, "what was asked")
    if not isinstance(before, dict):
        raise ValueError(f"{file} is not of this tool: give another --out")
    before = {**(absent or {}), **before}
    others = [name for name, value in asked.items() if before.get(name) != value]
    if others:
        changes = ", ".join(
            f"{name} {_short(before.get(name))} (now {_short(asked[name])})"
            for name in others
        )
        raise ValueError(
            f"{folder} holds predictions of another {', '.join(others)}: {changes}. "
            f"Give another --out, or remove the folder"
        )


def engine_asked(folder: Path, model: str) -> str | None:
    """The engine that predicted what is in a folder already, by the same model.

    Args:
        folder: Folder of predictions.
        model: Hash of the model.
    """
    file = folder / FILE
    before = read_json(file, "what was asked") if file.is_file() else None
    if not isinstance(before, dict) or before.get("model") != model:
        return None
    engine = before.get("engine")
    return engine if isinstance(engine, str) else None


def _short(value: object) -> str:
    text = str(value)
    return f"{text[:12]}..." if HASH.fullmatch(text) else text


def _check_empty(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise FileExistsError(f"{folder} is no folder: give another --out")
    found = sorted(p.name for p in folder.iterdir() if not is_system_file(p.name))
    if found:
        raise FileExistsError(
            f"{folder} holds files of something else, such as {found[0]}: give a new "
            f"or an empty folder as --out"
        )
