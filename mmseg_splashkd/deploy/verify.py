"""Does each file, in each engine, find the class as the weights do?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.deploy.choice import Measured, remember
from mmseg_splashkd.deploy.deployed_file import read_meta, size_of
from mmseg_splashkd.deploy.engines import (
    ENGINES,
    PYTORCH,
    Engine,
    engines_of,
    installed,
    open_engine,
    open_pytorch,
)
from mmseg_splashkd.deploy.spread_frames import spread_frames
from mmseg_splashkd.deploy.testing import evaluate_deployed, evaluate_file
from mmseg_splashkd.evaluation.bursts import BurstScores, has_time, score_bursts
from mmseg_splashkd.evaluation.frame_scores import FrameScores, load_scores
from mmseg_splashkd.evaluation.interleaved import Spread, ratios, spread, time_in_turn
from mmseg_splashkd.evaluation.operating_point import OPERATING_POINT, STORED
from mmseg_splashkd.runs.test import evaluate
from mmseg_splashkd.runs.train import WORK_DIRS
from mmseg_splashkd.statistics import Comparison, Difference, Settings, compare
from mmseg_splashkd.statistics.arms import Arm, FoldSeed

MARGIN = 0.5
ROUNDS = 20
TIMED = 8  # frames
WEIGHTS = "weights"  # the arm that the others are compared with
GOOD, WORSE, UNDECIDED = ("equivalent", "better"), "worse", "cannot tell"


@dataclass(frozen=True)
class Step:
    """A file in an engine, or the deployed function in PyTorch.

    Args:
        name: Such as ``student.onnx, openvino``.
        file: The file; the weights of an engine of PyTorch.
        engine: Name of the engine.
        size: Bytes of the file.
        milliseconds: Median and quartiles of a frame.
        faster: How many times faster than PyTorch, in the same rounds.
        scores: Its scores.
        difference: Of its score from that of the weights.
        bursts: Its bursts; None where frames have no time.
    """

    name: str
    file: Path
    engine: str
    size: int
    milliseconds: Spread
    faster: Spread
    scores: FrameScores
    difference: Difference
    bursts: BurstScores | None

    @property
    def verdict(self) -> str:
        """``equivalent``, ``better``, ``worse`` or ``cannot tell``."""
        answer = self.difference.equivalence
        return UNDECIDED if answer is None else answer.verdict


@dataclass(frozen=True)
class Verified:
    """The steps from weights to files, each with its verdict.

    Args:
        weights: Scores of the weights.
        steps: The steps.
        comparison: Scores, intervals and caveats.
        margin: Margin of the verdicts, in points.
        bursts: Those that the weights find; None where frames have no time.
        frame: (H, W) of the frames that were timed.
        threads: Number of threads; None: as each engine chooses.
    """

    weights: FrameScores
    steps: tuple[Step, ...]
    comparison: Comparison
    margin: float
    bursts: BurstScores | None
    frame: tuple[int, int]
    threads: int | None


def verify(
    config: str | Path,
    checkpoint: str | Path,
    files: Sequence[str | Path],
    engines: Sequence[str] = (),
    margin: float = MARGIN,
    threads: int | None = None,
    rounds: int = ROUNDS,
    work_dir: str | Path | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> Verified:
    """Test weights and what was made of them on the same frames, and time each.

    The weights are tested as by ``tools/test.py``, at their stored threshold if they
    have one; a file decides as it will on the pier. Files are remembered as measured on
    this machine: see ``choice``.

    Args:
        config: Config of the weights, with a test part.
        checkpoint: The weights.
        files: Files that were made of them.
        engines: Names of engines; default PyTorch, and all that are installed and can
            run a file.
        margin: Margin of a verdict in points, > 0.
        threads: Threads of each engine, from 1.
        rounds: Timed rounds, each with one frame in every engine, from 1.
        work_dir: Folder of the scores; default ``work_dirs/<config>_verify``.
        cfg_options: Dotted config keys to override.

    Raises:
        FileNotFoundError, ImportError, ValueError: As for ``evaluate``,
            ``open_engine`` and ``compare``; or a file is not of these weights.
    """
    settings = Settings(equivalent=margin)  # refuses what is no margin
    if rounds < 1:
        raise ValueError(f"rounds={rounds} must be at least 1")
    weights = find_checkpoint(str(checkpoint))
    folder = Path(work_dir or WORK_DIRS / f"{Path(config).stem}_verify")
    opened = open_steps(config, weights, files, engines, threads, cfg_options)
    quiet = {"log_level": "ERROR", **(cfg_options or {})}
    options: dict[str, Any] = {"cfg_options": quiet}
    meta = opened["torch"][1].meta
    stored = read_checkpoint(weights)["meta"].get(OPERATING_POINT)
    deciding = STORED if meta.thresholds and stored else None  # else by its head
    tested = evaluate(config, weights, folder / WEIGHTS, threshold=deciding, **options)
    scores = {WEIGHTS: load_scores(tested.scores)}
    for name, (file, engine) in opened.items():
        where: Any = {"work_dir": folder / name.replace(", ", "_"), **options}
        if engine.name in PYTORCH:
            tested = evaluate_deployed(config, file, engine.name, **where)
        else:
            tested = evaluate_file(config, file, engine.name, threads, **where)
        scores[name] = load_scores(tested.scores)
    frames = timed_frames(config, cfg_options)
    seconds = seconds_of(opened, frames, rounds, threads)
    metric = f"Dice.{scores[WEIGHTS].focus}" if meta.thresholds else "mIoU"
    comparison = _compared(scores, replace(settings, metrics=(metric,)))
    steps = [
        _step(name, *opened[name], seconds, found, scores[name])
        for name, found in zip(opened, comparison.differences, strict=True)
    ]
    notes = _remembered(steps, threads, margin)
    comparison = replace(comparison, notes=(*comparison.notes, *notes))
    shape = (int(frames[0].shape[1]), int(frames[0].shape[2]))
    bursts = _bursts(scores[WEIGHTS])
    return Verified(
        scores[WEIGHTS], tuple(steps), comparison, margin, bursts, shape, threads
    )


Opened = dict[str, tuple[Path, Engine]]


def open_steps(
    config: str | Path,
    weights: Path,
    files: Sequence[str | Path],
    engines: Sequence[str],
    threads: int | None,
    cfg_options: dict[str, Any] | None,
) -> Opened:
    """Step -> its file and engine, PyTorch first; arguments are those of ``verify``."""
    _check_names(engines)
    wanted = list(engines) or ["torch", *installed()]
    if "torch" not in wanted:
        wanted.insert(0, "torch")  # what times are compared with
    names = [Path(file).name for file in files]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two files are named {twice.pop()}: rename one")
    opened: Opened = {}
    for name in (each for each in wanted if each in PYTORCH):
        engine = open_pytorch(config, weights, cfg_options, name)
        opened[name] = weights, engine
    original = opened["torch"][1].meta
    for file in map(Path, files):
        if read_meta(file).weights_sha256 != original.weights_sha256:
            raise ValueError(
                f"{file} was not made of {weights}: export these weights again"
            )
        fitting = [each for each in wanted if each in engines_of(file)]
        if not fitting:
            raise ValueError(
                f"none of {', '.join(wanted)} runs {file}: name one of "
                f"{', '.join(engines_of(file))}"
            )
        for name in fitting:
            opened[f"{file.name}, {name}"] = file, open_engine(name, file, threads)
    return opened


def _check_names(engines: Sequence[str]) -> None:
    """Refuse engines that would be left out without a word.

    Raises:
        ValueError: One is unknown.
    """
    known = (*PYTORCH, *ENGINES)
    if unknown := [name for name in engines if name not in known]:
        raise ValueError(f"engine {unknown[0]!r} is none of {', '.join(known)}")


def timed_frames(
    config: str | Path, cfg_options: dict[str, Any] | None
) -> list[np.ndarray]:
    """Frames (1, H, W, 3) of the test part, of one size."""
    cfg = read_config(config, cfg_options)
    frames = spread_frames(cfg, "test_dataloader", TIMED)
    return [each[None] for each in frames if each.shape == frames[0].shape]


def seconds_of(
    opened: Opened,
    frames: Sequence[np.ndarray],
    rounds: int,
    threads: int | None = None,
) -> dict[str, list[float]]:
    """Seconds of each step in each round, in which all predict the same frame.

    Args:
        opened: Name of each step -> its file and its opened engine.
        frames: Frames (1, H, W, 3).
        rounds: Number of rounds, from 1.
        threads: Threads of PyTorch meanwhile; None: as it has.
    """

    def passing(engine: Engine) -> Any:
        each = cycle(frames)  # one a round
        return lambda: engine.run(next(each))

    passes = {name: passing(engine) for name, (_, engine) in opened.items()}
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        return time_in_turn(passes, rounds)
    finally:
        torch.set_num_threads(before)


def _compared(scores: dict[str, FrameScores], settings: Settings) -> Comparison:
    arms = [Arm(name, {FoldSeed(None, None): each}) for name, each in scores.items()]
    return compare(arms, settings)


def _step(
    name: str,
    file: Path,
    engine: Engine,
    seconds: dict[str, list[float]],
    difference: Difference,
    scores: FrameScores,
) -> Step:
    milliseconds = [1000 * each for each in seconds[name]]
    size = file.stat().st_size if engine.name in PYTORCH else size_of(file)
    return Step(
        name,
        file,
        engine.name,
        size,
        spread(milliseconds),
        ratios(seconds["torch"], seconds[name]),
        scores,
        difference,
        _bursts(scores),
    )


def _bursts(scores: FrameScores) -> BurstScores | None:
    return score_bursts(scores) if has_time(scores) else None


def _remembered(
    steps: Sequence[Step], threads: int | None, margin: float
) -> Iterator[str]:
    """Remember what was decided at the usual margin; yields why it could not be.

    Within a smaller margin is within the usual one, and beyond it says nothing.
    """
    if margin > MARGIN:
        return
    decisive = GOOD if margin < MARGIN else (*GOOD, WORSE)
    for file in {step.file for step in steps if step.engine not in PYTORCH}:
        decided = [
            Measured(
                step.engine,
                step.milliseconds.median,
                step.verdict,
                step.verdict in GOOD,
                by_labels=True,
            )
            for step in steps
            if step.file == file and step.verdict in decisive
        ]
        if decided and (failure := remember(file, decided, threads)):
            yield failure
