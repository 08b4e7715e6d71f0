"""Which runs belong to one arm: those that differ in fold and seed alone."""

import json
from collections.abc import Hashable
from pathlib import Path

from mmseg_splashkd.records.record import RunRecord

# Options that a run of an arm has for itself: seed, place, and what belongs to a fold.
OWN = {
    "randomness.seed",
    "work_dir",
    "model.teacher_checkpoint",
    "teacher_cache",
    "model.teacher_cache",
}


def arm_key(record: RunRecord) -> tuple[Hashable, ...]:
    """Identity of the arm of a run, equal for runs of the same arm.

    Config file and ``--cfg-options``, without ``fold`` (of all data sets or of one),
    ``randomness.seed``, ``work_dir``, ``model.teacher_checkpoint`` and
    ``teacher_cache``, which differ between the runs of one arm.
    """
    config = None if record.config is None else Path(record.config).as_posix()
    options = sorted(
        (key, json.dumps(value, sort_keys=True, default=str))
        for key, value in record.options.items()
        if key not in OWN and key.rpartition(".")[2] != "fold"
    )
    return (config, *options)
