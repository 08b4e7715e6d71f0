"""A cell of docs/when_it_pays.md: what is trained, and with which seeds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Arm:
    """A student that differs from the others of its cell in the loss only.

    Args:
        config: Config file; default None: that of the plain student.
        options: Dotted config keys.
        kind: ``'plain'``, ``'control'`` (what the teacher must beat) or ``'taught'``.
        teacher: Whether it is told the weights of the teacher.
        cached: Whether it reads the teacher's answers from a cache.
        cache: Name of the views of that cache, where those of arms differ.
        together: Whether all teachers of the cell teach it, by the mean of their
            probabilities.
    """

    config: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "taught"
    teacher: bool = False
    cached: bool = False
    cache: str = ""
    together: bool = False


@dataclass(frozen=True)
class Cell:
    """One comparison of arms.

    Args:
        name: Name of the cell, and of the file of its results.
        title: Data, student and schedule, in words.
        metric: Score on the validation part that chooses rates and whose curve is kept.
        tested: Score on the test part that is compared.
        beside: Other scores on the test part that are shown beside it.
        plain: Config of the plain student.
        teacher: Config of the teacher.
        arms: The arms by name; the first one is the plain student.
        rates: Learning rates to choose from, in rising order.
        tuned: Arms that choose; the others take the rate of the plain student. Default
            None: all.
        rarest: Class that is left out of the second mean; None with two classes.
        shared: Config keys of all runs, also of teachers.
        recipe: Those of ``shared`` that make the data or the schedule what it is.
        options: Config keys of the compared students, such as more validations.
        teacher_options: Config keys of the teachers.
        threshold: ``'stored'``: the focus class is predicted from the probability that
            the validation part chose; default None: argmax.
        teacher_seeds: One teacher each; students take them in turn.
        tuning_seeds: Seeds that choose the rates.
        seeds: Seeds of the runs that are compared.
        compares_teaching: Whether its controls isolate what a trained teacher adds;
            else they are of something else, such as another input.
    """

    name: str
    title: str
    metric: str
    tested: str
    plain: str
    teacher: str
    arms: Mapping[str, Arm]
    rates: tuple[float, ...]
    tuned: tuple[str, ...] | None = None
    beside: tuple[str, ...] = ()
    rarest: str | None = None
    shared: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    teacher_options: Mapping[str, Any] = field(default_factory=dict)
    threshold: str | None = None
    teacher_seeds: tuple[int, ...] = (200, 201)
    tuning_seeds: tuple[int, ...] = (100,)
    seeds: tuple[int, ...] = tuple(range(8))
    compares_teaching: bool = True

    @property
    def has_controls(self) -> bool:
        """Whether arms isolate what a trained teacher adds; else it is no evidence."""
        controls = any(arm.kind == "control" for arm in self.arms.values())
        return self.compares_teaching and controls

    @property
    def choosing(self) -> tuple[str, ...]:
        """Arms that choose their rate."""
        return tuple(self.arms) if self.tuned is None else self.tuned

    def __post_init__(self) -> None:
        """Check that no seed tunes and compares, and that the plain student chooses."""
        if next(iter(self.arms)) not in self.choosing:
            raise ValueError(
                f"{self.name}: the plain student has no rate: {self.tuned}"
            )
        both = set(self.tuning_seeds) & set(self.seeds)
        if both:
            raise ValueError(f"{self.name}: seeds {sorted(both)} tune and compare")


# Options of arms that control one with a teacher: labels in its place, its answers to
# other frames, and an untrained one.
LABELS = {
    "model.teacher": "labels",
    "model.teacher_checkpoint": None,
    "teacher_cache": None,
}
SHUFFLED = {"model.teacher_control": "shuffled"}
UNTRAINED = {
    "model.teacher_control": "untrained",
    "model.teacher_seed": 0,
    "model.teacher_checkpoint": None,
}
MARGIN = {"model.label_margin": 16.0}
# The KL whose pixels are weighted by rarity, in the place of another loss.
RARITY = {"model.distill_loss.terms": [{"type": "RarityKLDLoss"}]}
# Of a config that also learns from frames without a label.
LABELLED_ONLY = {
    "train_dataloader.dataset.dataset.unlabelled": "skip",
    "train_dataloader.sampler.unlabelled_share": None,
}
# Every view is a new one: of an arm that reads no cache.
FRESH = {
    "train_dataloader.sampler.views": None,
    "train_dataloader.sampler.view_seed": None,
    "train_dataloader.dataset.keep_views": None,
}


def views(number: int) -> dict[str, Any]:
    """So many views of a frame, of an arm that reads a cache."""
    return {
        "train_dataloader.sampler.views": number,
        "teacher_cache.views": number,
    }
