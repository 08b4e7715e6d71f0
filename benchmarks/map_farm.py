"""Cells of docs/when_it_pays.md on drawn recordings of farms."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from map_cell import (
    FRESH,
    LABELLED_ONLY,
    LABELS,
    MARGIN,
    RARITY,
    SHUFFLED,
    UNTRAINED,
    Arm,
    Cell,
    views,
)

PONDS = "configs/when_it_pays/ponds_"
SPLASH_WEIGHTS = [0.517, 14.879]  # as CamVid's: median frequency over frequency
WITH_DICE = Arm(
    options={
        "model.decode_head.loss_decode": [
            {"type": "SoftmaxFocalLoss", "gamma": 0.0},
            {"type": "DiceLoss"},
        ]
    },
    kind="control",
)
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
        "CE + Dice": WITH_DICE,
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
FEW = f"{PONDS}few_"
FEW_CWD = f"{FEW}cwd.py"
KEPT = {"train_dataloader.dataset.keep_views": 1000}


def all_frames(
    options: Mapping[str, Any], kind: str = "taught", teacher: bool = True
) -> Arm:
    """An arm that reads answers to all frames, also those without a label."""
    return Arm(FEW_CWD, {**KEPT, **options}, kind, teacher, cached=True)


CE = Arm(kind="plain")
WEIGHTED = Arm(
    options={"model.decode_head.loss_decode.class_weight": SPLASH_WEIGHTS},
    kind="control",
)
OF_LABELS = {**LABELS, **MARGIN, **LABELLED_ONLY, **FRESH}
# The teacher's answers to the frames with a label alone.
LABELLED = Arm(
    FEW_CWD,
    {**KEPT, **LABELLED_ONLY, **RARITY},
    teacher=True,
    cached=True,
    cache="labelled",
)
# Without arms that were far below all others wherever they were run.
FEW_ARMS = {
    "CE": CE,
    "weighted CE": WEIGHTED,
    "rarity KL, labels, margin 16": Arm(
        FEW_CWD, {**OF_LABELS, **RARITY}, kind="control"
    ),
    "rarity KL, all": all_frames(RARITY),
}
KL = {"model.distill_loss.terms": [{"type": "KLDLoss"}]}
KL_ALL = all_frames(KL)
# The same loss with answers to other frames, and those of random weights.
NO_TEACHER = {
    "rarity KL, shuffled, all": all_frames({**RARITY, **SHUFFLED}, "control"),
    "rarity KL, untrained, all": all_frames({**RARITY, **UNTRAINED}, "control", False),
}
KL_CONTROLS = {
    "KL, labels, margin 16": Arm(FEW_CWD, {**OF_LABELS, **KL}, kind="control"),
    "KL, shuffled, all": all_frames({**KL, **SHUFFLED}, "control"),
    "KL, untrained, all": all_frames({**KL, **UNTRAINED}, "control", False),
}
FARM_FEWER = Cell(
    name="farm_few16",
    title="Six drawn recordings of two farms with 1 label in 16, EfficientNet-Lite2 "
    "from ImageNet weights to a SegFormer of 0.055 M parameters from scratch, 1,500 "
    "iterations. Arms with *all* learn from the frames without a label, too.",
    metric="OperatingPoint.Dice",
    tested="Dice.splash",
    plain=f"{FEW}ce.py",
    teacher=f"{FEW}lite2.py",
    arms={
        **FEW_ARMS,
        **NO_TEACHER,
        "CWD, labels, margin 16": Arm(FEW_CWD, OF_LABELS, kind="control"),
        "CWD, all": all_frames({}),
        "rarity KL": LABELLED,
        # Five views of 18 frames are few: an arm without a teacher sees new ones.
        "rarity KL, 80 views": replace(
            LABELLED, options={**LABELLED.options, **views(80)}, cache="labelled80"
        ),
        "KL, all": KL_ALL,
        **KL_CONTROLS,
        "CE + Dice": WITH_DICE,
    },
    rates=(6e-3, 1.2e-2, 2.4e-2, 4.8e-2),
    options={"train_cfg.val_interval": 250},
    threshold="stored",
)
FEW4 = {"split_table": "few4.csv"}
FARM_FEW = replace(
    FARM_FEWER,
    name="farm_few4",
    title="As farm_few16, with 1 label in 4.",
    arms={**FEW_ARMS, "KL, all": KL_ALL},
    rates=(1.2e-2, 2.4e-2, 4.8e-2),
    shared=FEW4,
    recipe=FEW4,
)


def in_config(config: str, arms: Mapping[str, Arm]) -> dict[str, Arm]:
    """Arms of another student: those that have a config get this one."""
    return {
        name: replace(arm, config=arm.config and config) for name, arm in arms.items()
    }


FARM_FEWER_SMALL = replace(
    FARM_FEWER,
    name="farm_few16_small",
    title="As farm_few16, with a SegFormer of 0.017 M parameters.",
    plain=f"{FEW}small_ce.py",
    arms=in_config(
        f"{FEW}small_cwd.py",
        {**FEW_ARMS, **NO_TEACHER, "KL, all": KL_ALL, **KL_CONTROLS},
    ),
    rates=(1.2e-2, 2.4e-2, 4.8e-2),
    tuning_seeds=(100, 101),
)


ALL_LABELS = {"split_table": "split.csv"}
FARM_ALL = replace(
    FARM_FEWER,
    name="farm_all",
    title="As farm_few16, where all frames have a label.",
    arms={
        "CE": CE,
        "weighted CE": WEIGHTED,
        "rarity KL, labels, margin 16": FEW_ARMS["rarity KL, labels, margin 16"],
        **{
            f"rarity KL, {kind}": replace(
                LABELLED,
                options={**LABELLED.options, **control},
                kind="control",
                teacher=control is SHUFFLED,
            )
            for kind, control in (("shuffled", SHUFFLED), ("untrained", UNTRAINED))
        },
        "rarity KL": LABELLED,
        "KL": replace(LABELLED, options={**LABELLED.options, **KL}),
    },
    rates=(1.2e-2, 2.4e-2, 4.8e-2),
    shared=ALL_LABELS,
    recipe=ALL_LABELS,
    seeds=tuple(range(5)),
)
SHORT = {"max_iters": 300}
FARM_SHORT = replace(
    FARM_FEWER,
    name="farm_few16_short",
    title="As farm_few16, 300 iterations.",
    arms=FEW_ARMS,
    rates=(1.2e-2, 2.4e-2, 4.8e-2),
    tuning_seeds=(100, 101),
    shared=SHORT,
    recipe=SHORT,
    options={"train_cfg.val_interval": 50},
    teacher_options={"max_iters": 600},
)
LONG = {"max_iters": 6000}
FARM_LONG = replace(
    FARM_FEWER,
    name="farm_few16_long",
    title="As farm_few16, 6,000 iterations.",
    arms=FEW_ARMS,
    rates=(1.2e-2, 2.4e-2, 4.8e-2),
    shared=LONG,
    recipe=LONG,
    options={"train_cfg.val_interval": 1000},
    teacher_options={"max_iters": 600},
    seeds=tuple(range(5)),
)
B0_STEPS = {"max_iters": 400}
FARM_B0 = replace(
    FARM_FEWER,
    name="farm_few16_b0",
    title="As farm_few16, with SegFormer-B0 from scratch, 400 iterations.",
    plain=f"{FEW}b0_ce.py",
    arms=in_config(
        f"{FEW}b0_cwd.py",
        {
            "CE": CE,
            "weighted CE": WEIGHTED,
            "KL, all": KL_ALL,
            **KL_CONTROLS,
        },
    ),
    rates=(1e-3, 2e-3, 4e-3),
    shared=B0_STEPS,
    recipe=B0_STEPS,
    options={"train_cfg.val_interval": 100},
    teacher_options={"max_iters": 600},
    seeds=tuple(range(5)),
)
TEMPORAL = "configs/temporal/temporal_ponds_"
WEIGHTS = (0.0, 0.1, 1.0)  # of the temporal loss; 0: without it
SECOND_APART = replace(
    FARM_FEWER,
    name="farm_temporal",
    title="As farm_few16, on frames 1 s apart; *temporal*: with a loss of that weight "
    "between neighbouring frames.",
    plain=f"{TEMPORAL}ce.py",
    arms={
        f"{name}, temporal {weight:g}" if weight else name: Arm(
            config,
            {**kept, "model.temporal_loss.weight": weight},
            kind if weight or kind == "taught" else "plain",
            teacher=config is not None,
            cached=config is not None,
        )
        for name, config, kept, kind in (
            ("CE", None, {}, "control"),
            ("rarity KL, all", f"{TEMPORAL}kd.py", KEPT, "taught"),
        )
        for weight in WEIGHTS
    },
    rates=(1.2e-2, 2.4e-2, 4.8e-2),
    shared={"data_root": "data/ponds_1s"},
    recipe={"data_root": "data/ponds_1s"},
    beside=("Flicker", "TC.splash", "Bursts.recall", "Bursts.false", "Bursts.latency"),
    seeds=tuple(range(5)),
    compares_teaching=False,
)
CLIPS = replace(
    SECOND_APART,
    name="farm_clip",
    title="As farm_temporal without its loss; *clip*: the student also sees the frames "
    "before and after each frame.",
    arms={
        "CE": SECOND_APART.arms["CE"],
        "CE, clip": Arm("configs/temporal/clip_ponds_ce.py", kind="control"),
        "rarity KL, all": SECOND_APART.arms["rarity KL, all"],
        "rarity KL, all, clip": Arm(
            "configs/temporal/clip_ponds_kd.py",
            KEPT,
            teacher=True,
            cached=True,
            cache="clip",
        ),
    },
)
FARMS = (
    FARM_SMALL,
    FARM_FEW,
    FARM_FEWER,
    FARM_FEWER_SMALL,
    FARM_ALL,
    FARM_SHORT,
    FARM_LONG,
    FARM_B0,
    SECOND_APART,
    CLIPS,
)
