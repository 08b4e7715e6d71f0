"""The engine for a file on this machine, measured once and remembered beside it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_splashkd.deploy.deployed_file import read_meta
from mmseg_splashkd.deploy.engines import (
    Engine,
    engines_of,
    installed,
    open_engine,
)
from mmseg_splashkd.deploy.versions import versions_of
from mmseg_splashkd.evaluation.interleaved import spread, time_in_turn
from mmseg_splashkd.files import file_sha256, write_whole
from mmseg_splashkd.foreign import parse_json
from mmseg_splashkd.records.environment import hardware

AUTO = "auto"
ROUNDS = 7
REFERENCE = "reference, not verified"
SAME_MASKS, UNSEEN = "same masks", "same masks, not of all classes"
OTHER_MASKS = "other masks, tools/verify.py decides by labels"
# Dice of the classes with those of the reference, from which masks are the same: then
# Dice with any labels differs by about 0.5 points at most.
SAME = 0.995


@dataclass(frozen=True)
class Measured:
    """A file in an engine on this machine.

    Args:
        engine: Name of the engine.
        milliseconds: Median of a frame.
        verdict: That of ``tools/verify.py``; where no labels were there, whether its
            masks are those of the most exact engine.
        good: Whether the engine may be chosen.
        by_labels: Whether ``tools/verify.py`` decided it; default False.
    """

    engine: str
    milliseconds: float
    verdict: str
    good: bool
    by_labels: bool = False


def remembered_file(file: str | Path) -> Path:
    """Where the measurements of a file are kept."""
    return Path(f"{file}.engines.json")


def remember(
    file: str | Path, measured: Sequence[Measured], threads: int | None = None
) -> str | None:
    """Keep the measurements of a file on this machine, beside it.

    Those of other engines and machines stay; a damaged memory is replaced.

    Args:
        file: A deployed file.
        measured: Its engines.
        threads: Number of threads, from 1; None: one for each core.

    Returns:
        Why they could not be written, such as a folder that is read only; or None.
    """
    own = machine(threads)
    try:
        kept = _kept(file)
    except ValueError:
        kept = []
    before = [e for each in kept if each["machine"] == own for e in each["engines"]]
    named = {each.engine for each in measured}
    engines = [each for each in before if each["engine"] not in named]
    entry = {
        "machine": own,
        "date": date.today().isoformat(),
        "engines": [*engines, *map(asdict, measured)],
    }
    others = [each for each in kept if each["machine"] != own]
    content = {"file_sha256": file_sha256(file), "machines": [*others, entry]}
    try:
        write_whole(remembered_file(file), json.dumps(content, indent=1) + "\n")
    except OSError as error:
        return f"{remembered_file(file)} cannot be written ({error}): not remembered"
    return None


def recalled(file: str | Path, threads: int | None = None) -> list[Measured]:
    """What was measured of a file on this machine; empty where nothing was.

    Measurements of another file of the same name, or by other versions of the engines,
    do not count.
    """
    own = [each for each in _kept(file) if each["machine"] == machine(threads)]
    return [Measured(**each) for entry in own for each in entry["engines"]]


def decided(file: str | Path) -> dict[str, Measured]:
    """Engine -> what labels decided of it on this machine, by any number of threads."""
    any_threads = machine()
    del any_threads["threads"]
    return {
        each["engine"]: Measured(**each)
        for entry in _kept(file)
        if any_threads.items() <= entry["machine"].items()
        for each in entry["engines"]
        if each.get("by_labels")
    }


def machine(threads: int | None = None) -> dict[str, Any]:
    """What times depend on: CPU, cores, threads, and versions of the engines."""
    of = hardware()
    versions = versions_of("onnxruntime", "openvino")
    return {"cpu": of.cpu, "cores": of.cores, "threads": threads, **versions}


def chosen(measured: Sequence[Measured]) -> Measured:
    """The fastest engine whose verdict is good.

    Raises:
        ValueError: None is.
    """
    good = [each for each in measured if each.good]
    if not good:
        listed = ", ".join(f"{each.engine}: {each.verdict}" for each in measured)
        raise ValueError(
            f"no engine does what the weights do ({listed}): name one with --engine, "
            f"or export the weights again"
        )
    return min(good, key=lambda each: each.milliseconds)


def engine_for(
    file: str | Path,
    frames: Sequence[np.ndarray],
    threads: int | None = None,
    tell: Callable[[str], None] = print,
) -> str:
    """The engine for a file on this machine: the fastest whose verdict is good.

    What ``tools/verify.py`` has decided counts, whatever the number of threads was.
    Where nothing is known of an engine that is installed, all are measured now
    (``measure``), and good ones are remembered if all classes are in the frames. Masks
    like those of a reference that ``tools/verify.py`` found worse are not good.

    Args:
        file: A deployed file.
        frames: Frames (1, H, W, 3) uint8, RGB, such as it will predict, at least one.
        threads: Number of threads, from 1; None: one for each core.
        tell: Takes each line of the table.

    Raises:
        ImportError: No engine is installed.
        ValueError: No engine is good, or as for ``open_engine``.
    """
    names = _candidates(file)
    found, by_labels = recalled(file, threads), decided(file)
    is_new = not set(names) <= {each.engine for each in found}
    if is_new:
        found = measure(file, frames, threads)
    found = _with_decided(found, by_labels, names[0])
    if is_new and all(each.verdict != UNSEEN for each in found):
        kept = [each for each in found if each.good or each.by_labels]
        if kept and (failure := remember(file, kept, threads)):
            tell(failure)
    best = chosen(found)
    for each in found:
        mark = " <- chosen" if each is best else ""
        tell(f"  {each.engine}: {each.milliseconds:.1f} ms, {each.verdict}{mark}")
    return best.engine


def _with_decided(
    found: Sequence[Measured], by_labels: Mapping[str, Measured], reference: str
) -> list[Measured]:
    """What is known without labels, with what they decided.

    Args:
        found: What is known; times are of these.
        by_labels: Engine -> what labels decided.
        reference: The engine whose masks others were compared with.
    """
    wrong = by_labels.get(reference)
    if wrong is not None and wrong.good:
        wrong = None
    merged = []
    for each in found:
        if own := by_labels.get(each.engine):
            merged.append(replace(own, milliseconds=each.milliseconds))
        elif wrong and each.good:
            told = f"as {reference}, which is {wrong.verdict}"
            merged.append(replace(each, verdict=told, good=False))
        else:
            merged.append(each)
    return merged


def measure(
    file: str | Path, frames: Sequence[np.ndarray], threads: int | None = None
) -> list[Measured]:
    """Time the engines that are installed on some frames, without labels.

    An engine is good where it predicts the same masks as the most exact one, ONNX
    Runtime or OpenVINO in float32: Dice of each class over all frames at least 0.995.
    Whether that one does what the weights do is not known.

    Args:
        file: A deployed file.
        frames: Frames (1, H, W, 3) uint8, RGB, at least one.
        threads: Number of threads, from 1; None: one for each core.

    Raises:
        ImportError: No engine is installed.
        ValueError: See ``open_engine``.
    """
    names = _candidates(file)
    engines = {name: open_engine(name, file, threads) for name in names}
    masks = {name: _masks(engine, frames) for name, engine in engines.items()}
    classes = len(read_meta(file).classes)
    first = frames[0]
    passes = {
        name: (lambda engine=engine: engine.run(first))
        for name, engine in engines.items()
    }
    seconds = time_in_turn(passes, ROUNDS)
    exact = masks[names[0]]
    seen = {int(each) for mask in exact for each in np.unique(mask)}
    found = []
    for name in names:
        same = _agree(masks[name], exact, classes)
        verdict = OTHER_MASKS
        if same:
            like = REFERENCE if name == names[0] else SAME_MASKS
            verdict = like if len(seen) == classes else UNSEEN
        milliseconds = 1000 * spread(seconds[name]).median
        found.append(Measured(name, milliseconds, verdict, same))
    return found


def _candidates(file: str | Path) -> list[str]:
    """The engines that are installed and can run a file, the most exact one first."""
    names = [each for each in installed() if each in engines_of(file)]
    if not names:
        raise ImportError("no engine is installed: pip install -e '.[deploy]'")
    return names


def _masks(engine: Engine, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [engine.run(frame)[1] for frame in frames]


def _agree(
    masks: Sequence[np.ndarray], exact: Sequence[np.ndarray], classes: int
) -> bool:
    """Whether the Dice of every class is at least ``SAME``."""
    for each in range(classes):
        own = sum(int((mask == each).sum()) for mask in masks)
        its = sum(int((mask == each).sum()) for mask in exact)
        pairs = zip(masks, exact, strict=True)
        both = sum(int(((a == each) & (b == each)).sum()) for a, b in pairs)
        if own + its and 2 * both < SAME * (own + its):
            return False
    return True


def _is_measured(engine: dict[str, Any]) -> bool:
    return Measured(**engine).milliseconds > 0


def _kept(file: str | Path) -> list[dict[str, Any]]:
    """Measurements of this very file, on any machine."""
    path = remembered_file(file)
    if not path.is_file():
        return []
    try:
        kept = parse_json(path.read_text("utf-8"))
        same = kept["file_sha256"] == file_sha256(file)
        found = [
            each
            for each in kept["machines"]
            if isinstance(each["machine"], dict)
            and all(_is_measured(engine) for engine in each["engines"])
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}): delete it") from error
    return found if same else []
