"""What a sweep is asked to do, as it is kept beside what it does."""

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from mmseg_splashkd.files import write_whole

FILE = "sweep.json"
VERSION = 1
RANDOM, TPE = "random", "tpe"
# How the runs come about, not what they are: these may change from call to call.
FREE = {"predictions", "checkpoints"}


@dataclass(frozen=True)
class SweepSpec:
    """The question.

    Args:
        configs: Config files, each run at every point.
        grid: Dotted key -> its values; points are all combinations.
        search: ``'random'`` or ``'tpe'`` instead of a grid.
        space: Dotted key -> what a search chooses from (see ``parse_space``).
        trials: Points of a search.
        metric: What a search maximises, and the table shows; by default that by which
            the config keeps its best weights.
        folds: Number of folds of the table; None where it has none.
        seeds: Runs at each point and fold, with the seeds 0 to ``seeds`` - 1; None: one
            run, with the seed of the config.
        baseline: Config of a plain student, run once a fold and seed.
        teacher: Config of the teacher, trained once a fold.
        teacher_checkpoint: Existing teachers instead, ``{fold}`` standing for the fold.
        cache_views: Let each teacher answer so many views of each frame, once.
        cfg_options: Config keys of every run that has a place for them.
        predictions: Keep the label maps that each run predicts.
        checkpoints: Keep what a run that is done could be resumed from.
    """

    configs: tuple[str, ...]
    grid: dict[str, list[Any]] = field(default_factory=dict)
    search: str | None = None
    space: dict[str, dict[str, Any]] = field(default_factory=dict)
    trials: int | None = None
    metric: str | None = None
    folds: int | None = None
    seeds: int | None = None
    baseline: str | None = None
    teacher: str | None = None
    teacher_checkpoint: str | None = None
    cache_views: int | None = None
    cfg_options: dict[str, Any] = field(default_factory=dict)
    predictions: bool = True
    checkpoints: bool = False


@dataclass(frozen=True)
class Sweep:
    """A question, the day it was first asked, and hashes of what it was asked about.

    Args:
        spec: The question.
        began: The day.
        belongs: ``'table'`` and every config -> hash of its content.
        storage: URL without its password, if it is not the default.
    """

    spec: SweepSpec
    began: date
    belongs: dict[str, str]
    storage: str | None = None

    def to_json(self) -> str:
        """All of it, as text."""
        return json.dumps(
            {
                "version": VERSION,
                "began": self.began.isoformat(),
                "spec": asdict(self.spec),
                "belongs": self.belongs,
                "storage": self.storage,
            },
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str, source: str) -> "Sweep":
        """Read it back.

        Raises:
            ValueError: The text is no sweep of this version.
        """
        try:
            found = json.loads(text)
            if found["version"] != VERSION:
                raise ValueError(f"version {found['version']}, and {VERSION} is read")
            spec = found["spec"] | {"configs": tuple(found["spec"]["configs"])}
            began = date.fromisoformat(found["began"])
            return cls(SweepSpec(**spec), began, found["belongs"], found["storage"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{source} holds no sweep that this version can go on with: {error}"
            ) from error

    def differences(self, other: "Sweep") -> list[str]:
        """What another sweep asks otherwise, in words."""
        mine, theirs = (json.loads(sweep.to_json()) for sweep in (self, other))
        found = [
            f"{key}: it has {mine['spec'][key]!r}, asked for is {theirs['spec'][key]!r}"
            for key in mine["spec"]
            if key not in FREE and mine["spec"][key] != theirs["spec"][key]
        ]
        changed = [
            f"the content of {name} has changed"
            for name in mine["belongs"].keys() & theirs["belongs"].keys()
            if mine["belongs"][name] != theirs["belongs"][name]
        ]
        return found + sorted(changed)


def read_sweep(folder: Path) -> Sweep | None:
    """The sweep of a folder; None where there is none.

    Raises:
        ValueError: Its file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    return Sweep.from_json(path.read_text(encoding="utf-8"), str(path))


def write_sweep(folder: Path, sweep: Sweep) -> None:
    """Keep a sweep in its folder; the file appears whole or not at all."""
    write_whole(folder / FILE, sweep.to_json())
