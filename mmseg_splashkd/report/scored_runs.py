"""Runs named on the command line, and the scores that each left."""

import glob
import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from mmengine.logging import print_log

from mmseg_splashkd.evaluation.frame_scores import FrameScores, load_scores
from mmseg_splashkd.records.record import FAILED, FINISHED, RunRecord
from mmseg_splashkd.records.store import NOT_RECORDED, Run, find_runs, read_record
from mmseg_splashkd.records.traces import status_words
from mmseg_splashkd.statistics import FoldSeed

PARTS = ("test", "val")
WEIGHTS = ("last", "best")

# Of tools/test.py in its work directory, the second of further tests.
TEST_SCORES, MORE_TESTS = "scores.npz", "scores_*.npz"


class SelectedRun(NamedTuple):
    """A run that one of the sources names.

    Attributes:
        run: Record and work directory.
        source: Index of the source.
        scores_file: The scores file, where the source names it; None for a work
            directory, in which scores are looked up by part and weights.
    """

    run: Run
    source: int
    scores_file: Path | None = None


class ScoredRun(NamedTuple):
    """A run with its scores.

    Attributes:
        run: Record and work directory.
        source: Index of the source that names it.
        scores: Counts of each frame.
    """

    run: Run
    source: int
    scores: FrameScores

    @property
    def identity(self) -> FoldSeed:
        """Fold and seed that the run records."""
        return FoldSeed(self.run.record.fold, self.run.record.seed)


class LeftOut(NamedTuple):
    """A run that is in no comparison, and the reason."""

    run: Run
    reason: str


def select_runs(sources: Sequence[str | Path]) -> list[SelectedRun]:
    """Find the runs that sources name.

    Args:
        sources: Each a work directory, a folder of work directories (such as that of a
            sweep), an old ``records.jsonl``, a work directory of ``tools/test.py``, a
            scores file (``.npz``), or a pattern of such.

    Returns:
        Runs in the order of the sources, each work directory once.

    Raises:
        FileNotFoundError: A source does not exist.
        ValueError: There is no run at all, or a record or scores file is damaged.
    """
    folders: dict[Path, int] = {}
    selected: list[SelectedRun] = []
    for index, source in enumerate(sources):
        for path in _expand(source):
            scores_file = _scores_file(path)
            if scores_file is not None:
                selected.append(_from_scores(scores_file, index))
            elif path.is_dir() or path.suffix == ".jsonl":
                folders.setdefault(path, index)
    if folders or not selected:
        paths = list(folders) or list(map(Path, sources))
        for run in find_runs(paths):
            selected.append(SelectedRun(run, _source_of(run, folders)))
    return sorted(selected, key=lambda each: each.source)


def _expand(source: str | Path) -> list[Path]:
    path = Path(source)
    if path.exists():
        return [path]
    matches = sorted(glob.glob(str(source)))  # noqa: PTH207 - absolute patterns, too
    if not matches:
        raise FileNotFoundError(
            f"there is no run {source}, and no path matches it as a pattern"
        )
    return [Path(each) for each in matches]


def _scores_file(path: Path) -> Path | None:
    """The scores file that a path names directly, or None."""
    if path.suffix == ".npz" and path.is_file():
        return path
    if not path.is_dir() or read_record(path) is not None:
        return None
    tests = _tests_in(path)
    if len(tests) > 1:
        listed = ", ".join(each.name for each in tests)
        raise ValueError(
            f"{path} holds the scores of {len(tests)} tests: name one of {listed}"
        )
    return tests[0] if tests else None


def _tests_in(folder: Path) -> list[Path]:
    """Scores of tests in a folder, that of the first test first."""
    first = [path for path in [folder / TEST_SCORES] if path.is_file()]
    return first + sorted(folder.glob(MORE_TESTS))


def _from_scores(path: Path, source: int) -> SelectedRun:
    """The run of a scores file: the recorded one around it, or an unrecorded one."""
    if path.parent.name == "scores":
        record = read_record(path.parent.parent)
        if record is not None:
            return SelectedRun(Run(record, path.parent.parent), source, path)
    record = RunRecord(id=str(path), name=_name_of(path), status=NOT_RECORDED)
    return SelectedRun(Run(record, path.parent), source, path)


def _name_of(path: Path) -> str:
    """Label of a scores file: its folder where the file name is ``scores.npz``.

    ``scores_<weights>.npz`` is named by the weights.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - a link keeps its own name
    if path.parent.name == "scores":
        return path.parent.parent.name
    if path.name == TEST_SCORES:
        return path.parent.name
    return path.stem.removeprefix("scores_")


def _source_of(run: Run, folders: dict[Path, int]) -> int:
    work_dir = run.work_dir.resolve()
    for path, index in folders.items():
        folder = (path.parent if path.is_file() else path).resolve()
        if folder in (work_dir, work_dir.parent):
            return index
    return 0


def load_run_scores(
    selected: SelectedRun, part: str | None, weights: str, unfinished: bool = True
) -> ScoredRun | LeftOut:
    """Load the scores of a run.

    Args:
        selected: The run.
        part: ``'test'`` or ``'val'``; None takes the test part where it has scores,
            the validation part otherwise.
        weights: ``'last'`` or ``'best'``; ignored for a scores file that is named
            directly.
        unfinished: Load scores of a run that was stopped, was killed or is running,
            too; those of a failed run are never loaded.

    Returns:
        The run with its scores, or the reason why there are none.

    Raises:
        ValueError: The scores are damaged.
    """
    run, source, file = selected
    refused = run.status == FAILED or (file is None and not unfinished)
    if refused and run.status != FINISHED:
        return LeftOut(run, ": ".join(filter(None, (run.status, run.record.reason))))
    if run.status not in (FINISHED, NOT_RECORDED):
        status = status_words(run.status, run.record.reason, run.record.iteration)
        text = f"run {run.name} has not finished and is compared as it is: {status}"
        print_log(text, logger="current", level=logging.WARNING)
    paths = [run.scores_path(each, weights) for each in ([part] if part else PARTS)]
    path = file or next(filter(None, paths), None)
    if path is None and part != "val":
        path = _test_of(run, weights)
        if isinstance(path, LeftOut):
            return path
    if path is None:
        return LeftOut(run, _missing(run, part, weights))
    scores = load_scores(path)
    if file and part and scores.about.get("part") not in (None, part):
        holds = f"holds scores of part {scores.about['part']}, not {part}"
        return LeftOut(run, f"{file} {holds}")
    if run.status == NOT_RECORDED:  # its scores hold fold and seed
        about = {key: scores.about.get(key) for key in ("fold", "seed")}
        run = Run(replace(run.record, **about), run.work_dir)
    return ScoredRun(run, source, scores)


def _test_of(run: Run, weights: str) -> Path | LeftOut | None:
    """The test of a run's weights in its work directory, the one by argmax first."""
    tests = {path: load_scores(path).about for path in _tests_in(run.work_dir)}
    fitting = {
        path: about
        for path, about in tests.items()
        if about.get("weights") in (None, weights)
    }
    plain = [
        path
        for path, about in fitting.items()
        if about.get("threshold") is None and not about.get("tta")
    ]
    chosen = plain or list(fitting)
    if len(chosen) > 1:
        names = ", ".join(path.name for path in chosen)
        reason = f"several tests of its {weights} weights: name one of {names}"
        return LeftOut(run, reason)
    return chosen[0] if chosen else None


def _missing(run: Run, part: str | None, weights: str) -> str:
    place = f"{run.work_dir}/scores/{part or 'val'}_{weights}.npz"
    if part == "test":
        return (
            f"no scores of its {weights} weights on the test part: write them with "
            f"tools/test.py --scores {place}"
        )
    return (
        f"no scores of its {weights} weights ({place}): it ended before its first "
        f"validation or was trained by a version that kept no scores; train it again "
        f"(tools/rerun.py)"
    )


def check_part_and_weights(part: str | None, weights: str) -> None:
    """Check the names of part and weights.

    Raises:
        ValueError: Unknown part or weights.
    """
    if part not in (None, *PARTS) or weights not in WEIGHTS:
        raise ValueError(
            f"part={part!r} must be one of {PARTS}, weights={weights!r} of {WEIGHTS}"
        )
