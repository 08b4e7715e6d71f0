"""The record of one run: its settings, data, environment and results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

VERSION = 2
RUNNING, FINISHED, STOPPED = "running", "finished", "stopped"
FAILED, KILLED = "failed", "killed"
Metrics = Mapping[str, float | None]
T = TypeVar("T")


@dataclass(frozen=True)
class BestAndLast(Generic[T]):
    """A value for the best weights of a run and for the last ones; None if unknown."""

    best: T | None = None
    last: T | None = None

    def of(self, weights: str) -> T | None:
        """Return the value for ``'best'`` or ``'last'``."""
        return {"best": self.best, "last": self.last}[weights]


@dataclass(frozen=True)
class Data:
    """Data of a run.

    Args:
        root: ``data_root`` of the first data set that has one.
        tables: Split tables, relative to the directory of the run's command.
        table_sha256: SHA-256 of each table.
        frames: Number of frames of ``'train'``, ``'val'`` and ``'test'``; None for a
            data set that does not list its frames.
        files_sha256: Hash over labels (content) and images (size).
        train_frames: Name of the file in the work directory that lists the training
            frames; None where the data set does not list them.
        train_frames_sha256: SHA-256 of that list.
    """

    root: str | None = None
    tables: tuple[str, ...] = ()
    table_sha256: tuple[str, ...] = ()
    frames: Mapping[str, int | None] = field(default_factory=dict)
    files_sha256: str | None = None
    train_frames: str | None = None
    train_frames_sha256: str | None = None


@dataclass(frozen=True)
class Code:
    """Code of a run.

    Args:
        version: Version of this package.
        commit: Its git commit.
        dirty: Whether files differ from that commit.
        sources: Module -> SHA-256 of its file, of the code that builds the network,
            wherever it is from; empty in older records.
    """

    version: str | None = None
    commit: str | None = None
    dirty: bool | None = None
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hardware:
    """Hardware of a run.

    Args:
        machine: Host name.
        cpu: Model name of the CPU.
        cores: Usable cores.
        threads: Threads of torch.
        memory_gib: Memory in GiB.
        gpus: Names of the visible GPUs.
        processes: Number of processes that train together.
    """

    machine: str | None = None
    cpu: str | None = None
    cores: int | None = None
    threads: int | None = None
    memory_gib: float | None = None
    gpus: tuple[str, ...] = ()
    processes: int = 1


@dataclass(frozen=True)
class Memory:
    """Peak memory in MiB: resident in the first process, and of tensors on its GPU."""

    rss_mib: float | None = None
    gpu_mib: float | None = None


@dataclass(frozen=True)
class Teacher:
    """The teacher of a run.

    Args:
        checkpoints: Files of its weights, one per ensemble member.
        sha256: Hash of the tensors of each file.
        report: Its metrics on the validation part, calibration error and fitted
            temperature, as ``TeacherGateHook`` measured them; None if not measured.
    """

    checkpoints: tuple[str, ...]
    sha256: tuple[str, ...] = ()
    report: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Weights:
    """A file of weights in the work directory, and the hash of its tensors."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Timing:
    """Where the time of a model stands among those it was measured in turn with.

    Args:
        measurement: Unique identifier, the same for all models of one measurement.
        rounds: Number of timed rounds.
        ms_quartiles: First and third quartile of the time per frame, milliseconds.
        reference: Name of the run that ratios are to.
        ratio: Median over the rounds of the ratio to the time of the reference.
        ratio_quartiles: Its first and third quartile.
    """

    measurement: str
    rounds: int
    ms_quartiles: tuple[float, ...]
    reference: str
    ratio: float
    ratio_quartiles: tuple[float, ...]


@dataclass(frozen=True)
class Cost:
    """Size and speed of a model.

    Args:
        parameters: Number of weights.
        gmacs: Multiply-accumulates in 1e9.
        ms_per_frame: Median time of a forward pass with batch size 1, milliseconds.
        device: Device of the measurement.
        timing: The measurement in turn with other models; None if this one was
            measured alone, so that its time compares with no other.
    """

    parameters: int
    gmacs: float
    ms_per_frame: float
    device: str
    timing: Timing | None = None


@dataclass(frozen=True)
class Charge:
    """What a run costs in the comparison of a sweep at equal wall-clock.

    Args:
        arm: Name of its arm in the sweep, the same in both views.
        views: ``'steps'``, where it has the iterations of its config, ``'wall'``, where
            it has the time of the dearest arm, or both.
        step_s: Seconds of a training step, measured in turn with the other arms.
        teacher_s: Seconds of its teacher's training that it is charged.
        cache_s: Seconds of building its teacher's cache that it is charged.
        budget_s: Seconds of the dearest arm, which all runs have in ``'wall'``.
        rule: ``'once'``, where teacher and cache are charged in full, or ``'shared'``,
            where they are divided among the runs that use them.
        changed: Keys of the config that were changed to make the run longer.
    """

    arm: str
    views: tuple[str, ...]
    step_s: float
    teacher_s: float
    cache_s: float
    budget_s: float
    rule: str
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """An earlier start in the same work directory, which a later one resumed."""

    id: str
    began: str
    status: str
    ended: str | None = None
    reason: str | None = None
    iteration: int = 0
    wall_s: float | None = None


@dataclass(frozen=True)
class Change:
    """What a resumed start has changed, with effect.

    Attributes:
        iteration: Number of completed iterations at which it took effect.
        key: Dotted key of the config, ``code <module>`` for a file that builds the
            network, ``library <name>``, or ``processes``.
        before: Its value until then, as Python text; SHA-256 of a file.
        after: Its value from then on.
    """

    iteration: int
    key: str
    before: str
    after: str


@dataclass(frozen=True)
class RunRecord:
    """One run.

    Args:
        id: Unique identifier of the latest start.
        name: Name of the run.
        status: ``'running'``, ``'finished'``, ``'stopped'`` (by a signal),
            ``'failed'`` (by an error) or ``'killed'`` (its process is gone; found on
            reading, see ``records.store``).
        began: UTC time of the latest start, ISO 8601.
        ended: UTC time of its end; None while running.
        wall_s: Seconds from start to end.
        reason: Cause of the end of a run that did not finish; or where one that did
            was stopped early, such as ``'stopped early at iteration 6 of 40'``.
        resumed: Whether the latest start resumed an earlier one.
        command: Command line.
        config: Path of the config file.
        config_sha256: Hash of ``config_text``.
        config_text: The resolved config, as text.
        options: ``--cfg-options``, dotted key -> value.
        experiment: Month and day of the original experiment that the config repeats,
            such as ``'0627'``.
        teacher_ratio: r in [0, 1], or the config of a schedule; None without a teacher.
        fold: Fold the run validates on; None without folds.
        seed: Random seed, from 0.
        iterations: Requested number of iterations.
        iteration: Number of completed iterations.
        skipped: Those of them without a step, because loss or gradient were not finite
            (see ``FiniteGuardHook``).
        changes: What resumed starts have changed.
        data: Data sets of the run.
        code: Version of this package.
        host: Library -> version, for Python, torch, NumPy and OpenMMLab.
        hardware: Machine of the run.
        memory: Peak memory.
        teacher: Teacher of the run; None without one.
        validations: Iteration -> metrics of the validation at that iteration.
        metrics: Validation metrics.
        test_metrics: Metrics of the last weights on the test part, as a sweep computes
            them; empty if the config has no test part of its own, None if not computed.
        scores: Path of the counts of every validation frame, relative to the work
            directory.
        weights: Exported weights.
        cost: Parameters, multiply-accumulates and time per frame, if measured.
        charge: Time that a sweep at equal wall-clock charges it; None without one.
        attempts: Earlier starts, oldest first.
        pid: Process that trains.
        hostname: Machine of that process.
    """

    id: str
    name: str
    status: str
    began: str | None = None
    ended: str | None = None
    wall_s: float | None = None
    reason: str | None = None
    resumed: bool = False
    command: str | None = None
    config: str | None = None
    config_sha256: str | None = None
    config_text: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    experiment: str | None = None
    teacher_ratio: Any = None
    fold: int | None = None
    seed: int | None = None
    iterations: int | None = None
    iteration: int = 0
    skipped: tuple[int, ...] = ()
    changes: tuple[Change, ...] = ()
    data: Data = Data()
    code: Code = Code()
    host: Mapping[str, str] = field(default_factory=dict)
    hardware: Hardware = Hardware()
    memory: Memory = Memory()
    teacher: Teacher | None = None
    validations: Mapping[int, Metrics] = field(default_factory=dict)
    metrics: BestAndLast[Metrics] = BestAndLast()
    test_metrics: Metrics | None = None
    scores: BestAndLast[str] = BestAndLast()
    weights: BestAndLast[Weights] = BestAndLast()
    cost: Cost | None = None
    charge: Charge | None = None
    attempts: tuple[Attempt, ...] = ()
    pid: int | None = None
    hostname: str | None = None
