"""Which recordings of the tested frames a run has trained on, by what it recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.text import text_sha256
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import loader_leaves
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.files import file_sha256
from mmseg_splashkd.records.store import NOT_RECORDED, Run, run_of_weights
from mmseg_splashkd.records.train_frames import (
    TRAIN_FRAMES,
    frames_text,
    read_train_frames,
)
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.experiments.labels import read_value

LOADER = "train_dataloader"


class UnknownTrainingError(ValueError):
    """What a run has trained on is not recorded in a way that compares with a test."""


@dataclass(frozen=True)
class SeenRecordings:
    """The recordings of the tested frames of an arm.

    Args:
        seen: Names of those with frames in the training part of every run.
        unseen: Names of those with none in the training part of any run.
        divided: Names of the others, which some runs have trained on, as in folds.
    """

    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    divided: tuple[str, ...] = ()


def seen_recordings(arm: ArmRuns) -> SeenRecordings:
    """Compare the recordings that the runs of an arm were tested and trained on.

    Raises:
        UnknownTrainingError: A run does not tell, see ``trained_recordings``.
    """
    trained = [
        trained_recordings(arm.runs[identity], scores)
        for identity, scores in arm.arm.runs.items()
    ]
    tested = list(dict.fromkeys(arm.arm.first.recordings))
    everywhere = frozenset.intersection(*trained)
    anywhere = frozenset.union(*trained)
    return SeenRecordings(
        seen=tuple(name for name in tested if name in everywhere),
        unseen=tuple(name for name in tested if name not in anywhere),
        divided=tuple(name for name in tested if name in anywhere - everywhere),
    )


def trained_recordings(run: Run, scores: FrameScores) -> frozenset[str]:
    """Recordings with frames, labelled or not, in the training part of a run.

    The names of recordings are unique within a split table only. So they are compared
    where all training data, and the tested frames, are from one table, by its content.

    Args:
        run: The run, with the list of training frames in its folder. For scores without
            a record beside them, it is that of the tested weights, if these are still
            where the scores name them.
        scores: Scores of its weights.

    Raises:
        UnknownTrainingError: The run has no record, or not the list that it recorded,
            it goes on from other weights, its training data are of no split table or of
            several, or the tested frames are of another one.
    """
    if run.status == NOT_RECORDED:
        recorded = _run_of_weights(scores)
        if recorded is None:
            raise UnknownTrainingError(f"{run.name} has no record of its training")
        run = recorded
    _check_one_table(run, scores)
    names = read_train_frames(run.work_dir)
    if names is None or not _is_recorded(names, run):
        raise UnknownTrainingError(
            f"{run.name} has no list of its training frames ({TRAIN_FRAMES}), or not "
            f"the one that it recorded"
        )
    # <recording>/<time stamp or stem>, which hold no slash.
    recordings = frozenset(name.rpartition("/")[0] for name in names)
    if "" in recordings:
        raise UnknownTrainingError(f"the recordings of {run.name} have no names")
    return recordings


def _run_of_weights(scores: FrameScores) -> Run | None:
    """The run beside the weights that scores are of; None where they are not the same.

    Scores name their weights by path and content.
    """
    checkpoint = scores.about.get("checkpoint")
    if not isinstance(checkpoint, str) or not Path(checkpoint).is_file():
        return None
    if file_sha256(checkpoint) != scores.about.get("checkpoint_sha256"):
        return None
    return run_of_weights(checkpoint)


def _is_recorded(names: list[str], run: Run) -> bool:
    return text_sha256(frames_text(names)) == run.record.data.train_frames_sha256


def _check_one_table(run: Run, scores: FrameScores) -> None:
    if _recorded_value(run, "load_from"):
        raise UnknownTrainingError(
            f"{run.name} goes on from other weights (load_from), and what these were "
            f"trained on is not known"
        )
    leaves = _training_leaves(run)
    tables = {_table_of(leaf) for leaf in leaves}
    if len(tables) != 1 or None in tables:
        raise UnknownTrainingError(
            f"{run.name} was not trained on the frames of one split table"
        )
    data = run.record.data
    recorded = dict(zip(data.tables, data.table_sha256, strict=False))
    sha = recorded.get(str(tables.pop()))
    if sha is None or sha != scores.about.get("table_sha256"):
        raise UnknownTrainingError(
            f"{run.name} was tested on frames of another split table than it was "
            f"trained on, or the table has changed since"
        )


def _table_of(leaf: Mapping[str, Any]) -> str | None:
    """Path of a data set's split table as a record names it; None without one."""
    table = leaf.get("split_table") or leaf.get("ann_file")
    if not table or not is_a(leaf, TimeSplitDataset):
        return None
    return Path(leaf.get("data_root") or "", table).as_posix()


def _training_leaves(run: Run) -> list[Mapping[str, Any]]:
    """Configs of the data sets that a run was trained on; none if it does not tell."""
    loader = _recorded_value(run, LOADER)
    if not isinstance(loader, dict) or not isinstance(loader.get("dataset"), dict):
        return []
    return list(loader_leaves(Config({LOADER: loader}), LOADER))


def _recorded_value(run: Run, key: str) -> Any:
    """A value of the config of a run; None if it does not tell."""
    try:
        return read_value(run.record.config_text or "", key)
    except ValueError:  # its config names code, which is not run
        return None
