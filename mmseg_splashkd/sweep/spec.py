"""The specification of a sweep, stored as ``sweep.json`` in its folder."""

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from mmseg_splashkd.files import read_text, write_whole
from mmseg_splashkd.foreign import parse_json, reading
from mmseg_splashkd.sweep.budget import ONCE, STEPS

FILE = "sweep.json"
VERSION = 2
RANDOM, TPE = "random", "tpe"
# What a run keeps, not what it trains: these may differ between two calls.
MAY_CHANGE = {"predictions", "checkpoints"}


@dataclass(frozen=True)
class SweepSpec:
    """What a sweep runs.

    Args:
        configs: Config files; each is run at every point.
        grid: Dotted key -> its values; the points are all combinations.
        search: ``'random'`` or ``'tpe'`` instead of a grid.
        space: Dotted key -> range or choices of a search (see ``parse_space``).
        trials: Number of points of a search, from 1.
        metric: Validation metric that a search optimises and the progress shows; by
            default ``save_best`` of the config's checkpoint hook, or
            ``OperatingPoint.Dice`` where it names none and the config has a
            ``FrameScoresHook``.
        folds: Number of folds of the split table, from 2; None: no folds.
        seeds: Number of runs per point and fold, with the seeds 0 to ``seeds`` - 1;
            None: one run with the seed of the config.
        baseline: Config of a plain student, run once per fold and seed.
        teacher: Config of the teacher, trained once per fold.
        teacher_checkpoint: Pattern of existing teachers instead of ``teacher``;
            ``{fold}`` is replaced by the fold.
        cache_views: Number of views of each frame for which the teacher's logits are
            cached, from 1; None: as set in the config.
        budget: ``'steps'``: every run has the iterations of its config. ``'wall'``:
            every arm has the time of the dearest one. ``'both'``: each arm in both.
        charge: ``'once'`` or ``'shared'``: how runs are charged teacher and cache, see
            ``Budget``.
        teacher_seconds: Seconds of training each teacher; None: measured.
        cfg_options: Config keys for every run whose config has a place for them.
        predictions: Keep the predicted label maps of each run.
        checkpoints: Keep the checkpoints of finished runs.
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
    budget: str = STEPS
    charge: str = ONCE
    teacher_seconds: float | None = None
    cfg_options: dict[str, Any] = field(default_factory=dict)
    predictions: bool = True
    checkpoints: bool = False


@dataclass(frozen=True)
class Sweep:
    """A specification, the day it was first started, and hashes of its inputs.

    Args:
        spec: The specification.
        began: Day of the first start; it is part of the names of the runs.
        sha256: ``'table'`` and every config -> SHA-256 of its content.
    """

    spec: SweepSpec
    began: date
    sha256: dict[str, str]

    def to_json(self) -> str:
        """Serialise."""
        return json.dumps(
            {
                "version": VERSION,
                "began": self.began.isoformat(),
                "spec": asdict(self.spec),
                "sha256": self.sha256,
            },
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str, source: str) -> "Sweep":
        """Deserialise.

        Args:
            text: JSON text of version 1 (grids only) or 2.
            source: Name of the file, for errors.

        Raises:
            ValueError: The text is no sweep of a version that can be read.
        """
        try:
            values = parse_json(text)
            if values["version"] == 1:
                values = _from_version_1(values)
            if values["version"] != VERSION:
                raise ValueError(f"version {values['version']} is unknown")
            spec = values["spec"] | {"configs": tuple(values["spec"]["configs"])}
            began = date.fromisoformat(values["began"])
            return cls(SweepSpec(**spec), began, dict(values["sha256"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{source} is not the file of a sweep that this version can continue: "
                f"{error}. Start a new sweep with another --out"
            ) from error

    def differences(self, other: "Sweep") -> list[str]:
        """List in words what ``other`` specifies differently."""
        existing, requested = (json.loads(sweep.to_json()) for sweep in (self, other))
        changed = [
            f"{key}: the sweep has {existing['spec'][key]!r}, this command sets "
            f"{requested['spec'][key]!r}"
            for key in existing["spec"]
            if key not in MAY_CHANGE and existing["spec"][key] != requested["spec"][key]
        ]
        content = [
            f"the content of {name} has changed"
            for name in sorted(self.sha256.keys() & other.sha256.keys())
            if self.sha256[name] != other.sha256[name]
        ]
        return changed + content


def _from_version_1(values: dict[str, Any]) -> dict[str, Any]:
    """Convert a sweep of version 1, which kept the state of a search in Optuna."""
    if values["spec"]["search"] is not None:
        raise ValueError(
            "it is a search of version 1: only grids of version 1 can be continued"
        )
    return {**values, "version": VERSION, "sha256": values["belongs"]}


def read_sweep(folder: Path) -> Sweep | None:
    """Read the sweep of a folder; None where there is none.

    Raises:
        ValueError: Its file is damaged or of an unknown version.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    with reading(path, "sweep"):
        return Sweep.from_json(read_text(path), str(path))


def write_sweep(folder: Path, sweep: Sweep) -> None:
    """Write ``sweep.json`` atomically."""
    write_whole(folder / FILE, sweep.to_json())
