"""What the study of adaptation compares: shifts of the camera, and arms."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mmseg_splashkd.adaptation.distil import LOSS
from mmseg_splashkd.adaptation.methods import ADVERSARIAL, METHODS, STAGE

CONFIGS = "configs/adaptation/"
STRONG = {
    "brightness_delta": 64,
    "contrast_range": (0.4, 1.6),
    "saturation_range": (0.4, 1.6),
    "hue_delta": 36,
}


@dataclass(frozen=True)
class Arm:
    """What follows the training on the source.

    All go on for the same number of iterations, but for new networks that are taught,
    whose schedule is that of the source.

    Args:
        method: Config of an ``AdaptationMethod``; None: the source's labels alone.
        start: Arm from whose weights it goes on; None: those of the source.
        augmented: Whether colour and light of the source are changed more strongly.
        labelled: Whether it sees labels of the target, as no method does.
        statistics: Whether only statistics of batch norms are computed anew.
        taught: Config of a ``FocalModulatedKDLoss`` by which the network of ``start``
            teaches a new one on the frames of source and target; None: it goes on.
        small: Whether the new one is the small student of the shift.
        agreed: Whether only the threshold of ``start`` changes, to that at which it
            agrees with its teacher on the target.
        rare: Whether frames of the source with rare classes are drawn more often.
    """

    method: Mapping[str, Any] | None = None
    start: str | None = None
    augmented: bool = False
    labelled: bool = False
    statistics: bool = False
    taught: Mapping[str, Any] | None = None
    small: bool = False
    agreed: bool = False
    rare: bool = False

    @property
    def is_trained(self) -> bool:
        """Whether weights are trained for it."""
        return not (self.statistics or self.agreed)


SOURCE = "source only"
TWICE = "source only, twice"
AUGMENTED = "source, augmented"
RARE = "source only, rare"
# What needs no method. "Twice" is as long as methods that go on from another.
CONTROLS = (SOURCE, TWICE, AUGMENTED, RARE, "adabn")
PAIRS = (("proda", TWICE, None), ("mean-teacher-rare", "mean-teacher", None))
# The auxiliary level has a fifth of the weight, as in the paper.
TWO_LEVELS = Arm({**ADVERSARIAL, "kind": "ls", "auxiliary_weight": 0.02})
ARMS = {
    SOURCE: Arm(),
    TWICE: Arm(start=SOURCE),
    AUGMENTED: Arm(augmented=True),
    RARE: Arm(rare=True),
    **{
        name: Arm(
            each.config,
            each.first,
            statistics=each.has_no_training,
            taught=each.taught,
            rare=each.rare,
        )
        for name, each in METHODS.items()
    },
    "adaptsegnet, two levels": TWO_LEVELS,
    # The control of proda-2: a network that has not seen the target teaches in its way.
    f"proda-2 of {SOURCE}": Arm(start=SOURCE, taught=STAGE),
    "labels of the target": Arm(labelled=True),
}
# Without a gate for a poor start: with eleven classes one is always far from its share.
MANY_CLASSES = {
    **ARMS,
    "proda": replace(
        ARMS["proda"], method={**(METHODS["proda"].config or {}), "gate": None}
    ),
}
TEACHERS = (SOURCE, "mean-teacher")
STUDENTS = {
    f"student of {name}": Arm(start=name, taught=LOSS, small=True) for name in TEACHERS
} | {
    f"student of {name}, agreed threshold": Arm(start=f"student of {name}", agreed=True)
    for name in TEACHERS
}


@dataclass(frozen=True)
class Shift:
    """A source with labels, and a target whose labels only test.

    Args:
        name: Name of the shift, and of the file of its results.
        title: Data and network, in words.
        metric: Score of the validation part, of the source, whose curve is kept.
        tested: Score on the test part of the target.
        source: Config of the training on the source.
        pairs: Config of an adaptation, whose method is replaced.
        photometric: Place of ``PhotoMetricDistortion`` in the pipeline.
        tables: Config keys of the split tables of source and target, and their folders.
        threshold: ``'stored'``: the focus class is predicted from the probability that
            the source's validation part chose; default None: argmax.
        seeds: One training on the source each.
        arms: What is compared.
        student: Config of the training of a small student on the source, for arms with
            one; default None.
        pairs_of_arms: Further comparisons: an arm, the one that it is compared with,
            and the name of the latter's shift; None: this one.
        rare: Classes whose mean IoU stands apart; the last one is the rarest.
        same: Whether source and target are of one camera, in the same weather.
    """

    name: str
    title: str
    metric: str
    tested: str
    source: str
    pairs: str
    photometric: int
    tables: Mapping[str, Any] = field(default_factory=dict)
    threshold: str | None = None
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    arms: Mapping[str, Arm] = field(default_factory=lambda: ARMS)
    student: str | None = None
    pairs_of_arms: tuple[tuple[str, str, str | None], ...] = PAIRS
    rare: tuple[str, ...] = ()
    same: bool = False


def _ponds(source: str, target: str) -> dict[str, Any]:
    return {
        "source_root": "data/ponds",
        "source_table": f"{source}.csv",
        "target_root": "data/ponds",
        "target_table": f"{target}.csv",
        "embargo": 0,  # the tables are split
    }


FARM = Shift(
    name="farm",
    title="Drawn farm A to farm B, each on a clear day, in rain and in rain at night; "
    "SegFormer of 0.055 M parameters, 1,000 iterations on A and 500 of adaptation.",
    metric="OperatingPoint.Dice",
    tested="Dice.splash",
    source=f"{CONFIGS}source_segformer_w8_farmA2farmB.py",
    pairs=f"{CONFIGS}minent_segformer_w8_farmA2farmB.py",
    photometric=4,
    tables=_ponds("A", "B"),
    threshold="stored",
)
LARGE = replace(
    FARM,
    name="farm_large",
    title="Farm A to farm B with EfficientNet-Lite2, 600 iterations on A and 300 of "
    "adaptation; it then teaches the SegFormer of the shift farm, 1,000 iterations.",
    source=f"{CONFIGS}source_lite2_farmA2farmB.py",
    pairs=f"{CONFIGS}minent_lite2_farmA2farmB.py",
    arms={name: ARMS[name] for name in TEACHERS} | STUDENTS,
    student=FARM.source,
    pairs_of_arms=(
        *(
            (f"student of {name}, agreed threshold", f"student of {name}", None)
            for name in TEACHERS
        ),
        *((f"student of {name}, agreed threshold", name, None) for name in TEACHERS),
        *(
            ("student of mean-teacher, agreed threshold", name, FARM.name)
            for name in TEACHERS
        ),
    ),
)
NIGHT = replace(
    FARM,
    name="night",
    title="Both drawn farms, from clear days to rainy nights; network and schedule of "
    "the shift farm.",
    tables=_ponds("clear", "rainy_night"),
)
SAME = replace(
    FARM,
    name="same",
    title="Farm A to itself: the first half of its training frames with labels, the "
    "second without. Does a method harm where there is nothing to adapt to?",
    tables=_ponds("A_first", "A_second"),
    arms={name: arm for name, arm in ARMS.items() if not arm.labelled},
    same=True,
)
DUSK = Shift(
    name="dusk",
    title="CamVid by day to its sequence at dusk; EfficientNet-Lite0 from ImageNet "
    "weights, 800 iterations by day and 400 of adaptation.",
    metric="mIoU",
    tested="mIoU",
    source=f"{CONFIGS}source_lite0_day2dusk.py",
    pairs=f"{CONFIGS}minent_lite0_day2dusk.py",
    photometric=6,
    seeds=(0, 1, 2),
    arms=MANY_CLASSES,
    rare=("sign", "pedestrian", "bicyclist"),
)
LOOK = replace(
    DUSK,
    name="look",
    title="CamVid to other frames of it under the look of another camera; network and "
    "schedule of the shift dusk.",
    tables={
        "source_table": "first.csv",
        "target_root": "data/camvid_look",
        "target_table": "second.csv",
    },
)
SHIFTS = {shift.name: shift for shift in (FARM, LARGE, NIGHT, SAME, DUSK, LOOK)}
