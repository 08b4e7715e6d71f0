"""Scores on recordings that training has seen beside those on recordings it has not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.experiments.seen_recordings import (
    SeenRecordings,
    UnknownTrainingError,
    seen_recordings,
)
from mmseg_splashkd.statistics import Settings
from mmseg_splashkd.statistics.contrast import Contrast, contrast

PART = "test"  # folds validate on recordings that other folds have seen


class ArmAcross(NamedTuple):
    """An arm with its scores within and across farms.

    Attributes:
        arm: The arm.
        recordings: Recordings that its training has seen, and has not.
        scores: Its scores, ``first`` on recordings seen, ``second`` on those not seen.
    """

    arm: ArmRuns
    recordings: SeenRecordings
    scores: Contrast


@dataclass(frozen=True, eq=False)
class AcrossFarms:
    """Scores of arms within and across farms.

    Args:
        arms: Arms whose test part has recordings that training has not seen.
        unknown: Why other arms do not tell, one sentence each.
    """

    arms: tuple[ArmAcross, ...]
    unknown: tuple[str, ...] = ()


def across_farms(
    arms: Sequence[ArmRuns], part: str, settings: Settings
) -> AcrossFarms | None:
    """Compare the scores of each arm within and across farms.

    Args:
        arms: Arms with scores of one part.
        part: That part.
        settings: Settings of the comparison of arms.

    Returns:
        None where there is nothing to compare: on the validation part, without a split
        table, and where every arm has seen all tested recordings.
    """
    if part != PART:
        return None
    found, unknown = [], []
    for arm in arms:
        try:
            names = seen_recordings(arm)
        except UnknownTrainingError as error:
            if arm.arm.first.about.get("table_sha256"):
                unknown.append(
                    f"Whether training has seen the recordings of the test part is not "
                    f"known of {arm.title}: {error}."
                )
            continue
        if names.unseen:
            sides = contrast(arm.arm, names.seen, names.unseen, settings)
            found.append(ArmAcross(arm, names, sides))
    if not found and not unknown:
        return None
    return AcrossFarms(tuple(found), tuple(unknown))
