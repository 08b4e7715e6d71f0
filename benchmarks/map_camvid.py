"""Cells of docs/when_it_pays.md on CamVid."""

from dataclasses import replace

from map_cell import (
    FRESH,
    LABELLED_ONLY,
    LABELS,
    MARGIN,
    SHUFFLED,
    UNTRAINED,
    Arm,
    Cell,
    views,
)

PARTS = ("train", "val", "test")
PAYS = "configs/when_it_pays/pays_"
CAMVID_SHARED = {
    "train_dataloader.dataset.keep_views": 1000,
    # Runs fill the cores, and so each loads its frames itself.
    **{f"{part}_dataloader.num_workers": 0 for part in PARTS},
    **{f"{part}_dataloader.persistent_workers": False for part in PARTS},
}
CLASS_WEIGHTS = [0.279, 0.202, 4.789, 0.149, 1.0, 0.424, 3.846, 1.98, 0.789, 6.385]
CLASS_WEIGHTS += [8.819]  # of configs/_base_/losses/camvid_class_weights.py
PLAIN_WEIGHTS = {"model.decode_head.loss_decode.class_weight": CLASS_WEIGHTS}
TAUGHT_WEIGHTS = {"model.distill_loss.class_weight": CLASS_WEIGHTS}
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


CAMVID_LITE = Cell(
    name="camvid_lite",
    title="CamVid, EfficientNet-Lite2 to Lite0 from ImageNet weights, 800 iterations.",
    metric="mIoU",
    tested="mIoU",
    plain=f"{PAYS}ce.py",
    teacher=f"{PAYS}lite2.py",
    arms=controlled(f"{PAYS}cwd.py"),
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
        for name, arm in CAMVID_LITE.arms.items()
    },
    options={"train_cfg.val_interval": 400},
)
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
FEW16 = {"split_table": "few16.csv"}
CAMVID_FEWER = replace(
    CAMVID_FEW,
    name="camvid_few16",
    title="CamVid with 1 label in 16, also in the teacher's training; arms with *all* "
    "learn from the frames without a label, too. EfficientNet-Lite2 to Lite0, 800 "
    "iterations.",
    shared={**CAMVID_SHARED, **FEW16},
    recipe=FEW16,
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
        "CE, new views": Arm(options=FRESH, kind="control"),
        "CWD, labels, margin 16, new views": Arm(
            TINY_FEW, {**TINY_LABELS, **FRESH}, kind="control"
        ),
        "CWD, all": Arm(TINY_FEW, teacher=True, cached=True, cache="all"),
        "CWD, weighted CE, all": Arm(
            TINY_FEW, TAUGHT_WEIGHTS, teacher=True, cached=True, cache="all"
        ),
        "CWD, all, 20 views": Arm(
            TINY_FEW, views(20), teacher=True, cached=True, cache="all20"
        ),
    },
    rates=(6e-3, 1.2e-2, 2.4e-2),
    options={"train_cfg.val_interval": 400},
)
CAMVID = (
    CAMVID_LITE,
    CAMVID_LONG,
    CAMVID_FEW,
    CAMVID_FEWER,
    CAMVID_FEWER_WEIGHTED,
    CAMVID_TINY,
    CAMVID_TINY_FEWER,
)
