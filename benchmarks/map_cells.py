"""The cells of docs/when_it_pays.md: what is trained, and with which seeds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
    """

    config: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "taught"
    teacher: bool = False
    cached: bool = False
    cache: str = ""


@dataclass(frozen=True)
class Cell:
    """One comparison of arms.

    Args:
        name: Name of the cell, and of the file of its results.
        title: Data, student and schedule, in words.
        metric: Score on the validation part that chooses rates and whose curve is kept.
        tested: Score on the test part that is compared.
        plain: Config of the plain student.
        teacher: Config of the teacher.
        arms: The arms by name; the first one is the plain student.
        rates: Learning rates to choose from, in rising order.
        rarest: Class that is left out of the second mean; None with two classes.
        shared: Config keys of all runs, also of teachers.
        options: Config keys of the compared students, such as more validations.
        teacher_options: Config keys of the teachers.
        threshold: ``'stored'``: the focus class is predicted from the probability that
            the validation part chose; default None: argmax.
        teacher_seeds: One teacher each; students take them in turn.
        tuning_seeds: Seeds that choose the rates.
        seeds: Seeds of the runs that are compared.
    """

    name: str
    title: str
    metric: str
    tested: str
    plain: str
    teacher: str
    arms: Mapping[str, Arm]
    rates: tuple[float, ...]
    rarest: str | None = None
    shared: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    teacher_options: Mapping[str, Any] = field(default_factory=dict)
    threshold: str | None = None
    teacher_seeds: tuple[int, ...] = (200, 201)
    tuning_seeds: tuple[int, ...] = (100,)
    seeds: tuple[int, ...] = tuple(range(8))

    @property
    def has_controls(self) -> bool:
        """Whether arms isolate what a trained teacher adds; else it is no evidence."""
        return any(arm.kind == "control" for arm in self.arms.values())

    def __post_init__(self) -> None:
        """Check that no seed tunes and compares."""
        both = set(self.tuning_seeds) & set(self.seeds)
        if both:
            raise ValueError(f"{self.name}: seeds {sorted(both)} tune and compare")


PARTS = ("train", "val", "test")
PAYS = "configs/when_it_pays/pays_"
CAMVID_ARMS = {
    "CE": Arm(kind="plain"),
    "weighted CE": Arm(f"{PAYS}ce_weighted.py", kind="control"),
    "CWD, labels": Arm(f"{PAYS}cwd_labels.py", kind="control"),
    "CWD, labels, margin 16": Arm(
        f"{PAYS}cwd_labels.py", {"model.label_margin": 16.0}, kind="control"
    ),
    "CWD, shuffled": Arm(
        f"{PAYS}cwd_shuffled.py", kind="control", teacher=True, cached=True
    ),
    "CWD, untrained": Arm(f"{PAYS}cwd_untrained.py", kind="control", cached=True),
    "CWD": Arm(f"{PAYS}cwd.py", teacher=True, cached=True),
    "CWD, weighted CE": Arm(f"{PAYS}cwd_weighted.py", teacher=True, cached=True),
    "KL": Arm(f"{PAYS}kl.py", teacher=True, cached=True),
}
CAMVID_SHARED = {
    "train_dataloader.dataset.keep_views": 1000,
    # Runs fill the cores, and so each loads its frames itself.
    **{f"{part}_dataloader.num_workers": 0 for part in PARTS},
    **{f"{part}_dataloader.persistent_workers": False for part in PARTS},
}
CAMVID_LITE = Cell(
    name="camvid_lite",
    title="CamVid, EfficientNet-Lite2 to Lite0 from ImageNet weights, 800 iterations.",
    metric="mIoU",
    tested="mIoU",
    plain=f"{PAYS}ce.py",
    teacher=f"{PAYS}lite2.py",
    arms=CAMVID_ARMS,
    rates=(4e-3, 8e-3, 1.6e-2),
    rarest="bicyclist",
    shared=CAMVID_SHARED,
    options={"train_cfg.val_interval": 200},
)
CAMVID_LONG = replace(
    CAMVID_LITE,
    name="camvid_long",
    title="CamVid, EfficientNet-Lite2 to Lite0 from ImageNet weights, 3,200 iterations "
    "of the students.",
    arms={
        name: replace(arm, options={**arm.options, "max_iters": 3200})
        for name, arm in CAMVID_ARMS.items()
    },
    options={"train_cfg.val_interval": 400},
)
CLASS_WEIGHTS = [0.279, 0.202, 4.789, 0.149, 1.0, 0.424, 3.846, 1.98, 0.789, 6.385]
CLASS_WEIGHTS += [8.819]  # of configs/_base_/losses/camvid_class_weights.py
PLAIN_WEIGHTS = {"model.decode_head.loss_decode.class_weight": CLASS_WEIGHTS}
TAUGHT_WEIGHTS = {"model.distill_loss.class_weight": CLASS_WEIGHTS}
LABELS = {
    "model.teacher": "labels",
    "model.teacher_checkpoint": None,
    "teacher_cache": None,
}
MARGIN = {"model.label_margin": 16.0}
SHUFFLED = {"model.teacher_control": "shuffled"}
UNTRAINED = {
    "model.teacher_control": "untrained",
    "model.teacher_seed": 0,
    "model.teacher_checkpoint": None,
}
KL_T2 = {
    "model.distill_loss.terms": [{"type": "KLDLoss", "temperature": 2.0, "weight": 1.0}]
}


def controlled(taught: str) -> dict[str, Arm]:
    """Arms of a plain student and of all controls of CWD.

    Args:
        taught: Config of the student that is taught with CWD.
    """
    return {
        "CE": Arm(kind="plain"),
        "weighted CE": Arm(options=PLAIN_WEIGHTS, kind="control"),
        "CWD, labels": Arm(taught, LABELS, kind="control"),
        "CWD, labels, margin 16": Arm(taught, {**LABELS, **MARGIN}, kind="control"),
        "CWD, shuffled": Arm(
            taught, SHUFFLED, kind="control", teacher=True, cached=True
        ),
        "CWD, untrained": Arm(taught, UNTRAINED, kind="control", cached=True),
        "CWD": Arm(taught, teacher=True, cached=True),
        "CWD, weighted CE": Arm(taught, TAUGHT_WEIGHTS, teacher=True, cached=True),
        "KL": Arm(taught, KL_T2, teacher=True, cached=True),
    }


FEW = "configs/when_it_pays/few_"
FEW_ALL = f"{FEW}cwd_all.py"
CAMVID_FEW = Cell(
    name="camvid_few4",
    title="CamVid with 1 label in 4, also in the teacher's training; arms with *all* "
    "learn from the frames without a label, too. EfficientNet-Lite2 to Lite0, 800 "
    "iterations.",
    metric="mIoU",
    tested="mIoU",
    plain=f"{FEW}ce.py",
    teacher=f"{FEW}lite2.py",
    arms={
        **controlled(f"{FEW}cwd.py"),
        "CWD, all": Arm(FEW_ALL, teacher=True, cached=True, cache="all"),
        "CWD, weighted CE, all": Arm(
            FEW_ALL, TAUGHT_WEIGHTS, teacher=True, cached=True, cache="all"
        ),
        "KL, all": Arm(FEW_ALL, KL_T2, teacher=True, cached=True, cache="all"),
    },
    rates=(4e-3, 8e-3, 1.6e-2),
    rarest="bicyclist",
    shared=CAMVID_SHARED,
    options={"train_cfg.val_interval": 200},
)
CAMVID_FEWER = replace(
    CAMVID_FEW,
    name="camvid_few16",
    title="CamVid with 1 label in 16, also in the teacher's training; arms with *all* "
    "learn from the frames without a label, too. EfficientNet-Lite2 to Lite0, 800 "
    "iterations.",
    shared={**CAMVID_SHARED, "split_table": "few16.csv"},
)
LABELS_ONLY = ("CE", "weighted CE", "CWD, labels", "CWD, labels, margin 16")
CAMVID_FEWER_WEIGHTED = replace(
    CAMVID_FEWER,
    name="camvid_few16_weighted",
    title="As camvid_few16, with class weights in the teacher's training.",
    teacher_options=PLAIN_WEIGHTS,
    arms={
        **{name: CAMVID_FEWER.arms[name] for name in LABELS_ONLY},
        "CWD, labels, margin 16, weighted CE": Arm(
            f"{FEW}cwd.py", {**LABELS, **MARGIN, **TAUGHT_WEIGHTS}, kind="control"
        ),
        "CWD, weighted CE, all": CAMVID_FEWER.arms["CWD, weighted CE, all"],
    },
)
TINY = "configs/when_it_pays/tiny_"
CAMVID_TINY = Cell(
    name="camvid_tiny",
    title="CamVid, EfficientNet-Lite2 from ImageNet weights to a SegFormer of 0.055 M "
    "parameters from scratch, 2,400 iterations.",
    metric="mIoU",
    tested="mIoU",
    plain=f"{TINY}ce.py",
    teacher=f"{PAYS}lite2.py",
    arms=controlled(f"{TINY}cwd.py"),
    rates=(6e-3, 1.2e-2, 2.4e-2),
    rarest="bicyclist",
    shared=CAMVID_SHARED,
    options={"train_cfg.val_interval": 400},
)
PONDS = "configs/when_it_pays/ponds_"
SPLASH_WEIGHTS = [0.517, 14.879]  # as CamVid's: median frequency over frequency
FARM_SMALL = Cell(
    name="farm_small",
    title="Six drawn recordings of two farms, SegFormer-B0 to 0.02 M parameters, "
    "1,500 iterations from scratch.",
    metric="OperatingPoint.Dice",
    tested="Dice.splash",
    plain=f"{PONDS}ce.py",
    teacher=f"{PONDS}b0.py",
    arms={
        "CE": Arm(kind="plain"),
        "weighted CE": Arm(
            options={"model.decode_head.loss_decode.class_weight": SPLASH_WEIGHTS},
            kind="control",
        ),
        "CE + Dice": Arm(
            options={
                "model.decode_head.loss_decode": [
                    {"type": "SoftmaxFocalLoss", "gamma": 0.0},
                    {"type": "DiceLoss"},
                ]
            },
            kind="control",
        ),
        "CWD, labels": Arm(
            f"{PONDS}cwd.py",
            LABELS,
            kind="control",
        ),
        "CWD, shuffled": Arm(
            f"{PONDS}cwd.py",
            SHUFFLED,
            kind="control",
            teacher=True,
            cached=True,
        ),
        "CWD, untrained": Arm(
            f"{PONDS}cwd.py",
            UNTRAINED,
            kind="control",
            cached=True,
        ),
        "CWD": Arm(f"{PONDS}cwd.py", teacher=True, cached=True),
        "KL": Arm(f"{PONDS}kl.py", teacher=True, cached=True),
        "rarity KL": Arm(
            f"{PONDS}kl.py",
            {"model.distill_loss.terms": [{"type": "RarityKLDLoss"}]},
            teacher=True,
            cached=True,
        ),
    },
    rates=(6e-3, 1.2e-2, 2.4e-2),
    shared={"train_dataloader.dataset.keep_views": 1000},
    options={"train_cfg.val_interval": 250},
    threshold="stored",
)
FARM = "configs/farm/farm_"
EXPERIMENTS = {
    "0520": "_none",
    "0604": "_both_pe1",
    "0610": "_pe05",
    "0616": "",
    "0621": "_pe1",
    "0627": "_pe001",
}
RECORD = Cell(
    name="record",
    title="The six experiments of the record on the same recordings, SegFormer-B1 "
    "(trained with cross-entropy) to B0, 1,500 iterations from scratch.",
    metric="OperatingPoint.Dice",
    tested="Dice.splash",
    plain=f"{FARM}b0.py",
    teacher=f"{FARM}b1.py",
    arms={
        "plain": Arm(kind="plain"),
        **{
            name: Arm(
                f"{FARM}b0_kd{end}.py",
                {"teacher_cache.views": 5, "teacher_cache.store": "logits"},
                teacher=True,
                cached=True,
            )
            for name, end in EXPERIMENTS.items()
        },
    },
    rates=(1e-3, 2e-3, 4e-3),
    shared={
        "data_root": "data/ponds",
        "split_table": "split.csv",
        "max_iters": 1500,
        "warmup": 30,
        "train_cfg.val_interval": 1500,
        "train_dataloader.sampler.views": 5,
        "train_dataloader.sampler.view_seed": 0,
        "train_dataloader.dataset.keep_views": 1000,
    },
    options={"train_cfg.val_interval": 250},
    teacher_options={
        "max_iters": 2000,
        "train_cfg.val_interval": 2000,
        "model.decode_head.loss_decode.gamma": 0.0,
    },
    threshold="stored",
    seeds=tuple(range(5)),
)
LABELLED_ONLY = {
    "train_dataloader.dataset.dataset.unlabelled": "skip",
    "train_dataloader.sampler.unlabelled_share": None,
}
TINY_FEW = f"{TINY}few_cwd.py"
TINY_LABELS = {**LABELS, **MARGIN, **LABELLED_ONLY}
CAMVID_TINY_FEWER = replace(
    CAMVID_FEWER_WEIGHTED,
    name="camvid_tiny_few16",
    title="CamVid with 1 label in 16, EfficientNet-Lite2 with class weights to a "
    "SegFormer of 0.055 M parameters from scratch, 1,600 iterations.",
    plain=f"{TINY}few_ce.py",
    arms={
        "CE": Arm(kind="plain"),
        "weighted CE": Arm(options=PLAIN_WEIGHTS, kind="control"),
        "CWD, labels, margin 16": Arm(TINY_FEW, TINY_LABELS, kind="control"),
        "CWD, labels, margin 16, weighted CE": Arm(
            TINY_FEW, {**TINY_LABELS, **TAUGHT_WEIGHTS}, kind="control"
        ),
        "CWD, weighted CE, all": Arm(
            TINY_FEW, TAUGHT_WEIGHTS, teacher=True, cached=True, cache="all"
        ),
    },
    rates=(6e-3, 1.2e-2, 2.4e-2),
    options={"train_cfg.val_interval": 400},
)
CAMVID_FEW_LABELS = (CAMVID_FEW, CAMVID_FEWER, CAMVID_FEWER_WEIGHTED)
CAMVID = (CAMVID_LITE, CAMVID_LONG, *CAMVID_FEW_LABELS)
CAMVID = (*CAMVID, CAMVID_TINY, CAMVID_TINY_FEWER)
CELLS = {cell.name: cell for cell in (*CAMVID, FARM_SMALL, RECORD)}
