"""Cells of docs/when_it_pays.md that change one thing of the recipe."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from map_cell import Arm
from map_farm import FARM_FEWER, KL_ALL, all_frames


def lever(term: Mapping[str, Any], *more: Mapping[str, Any], **loss: Any) -> Arm:
    """The recipe with other terms, or other settings of its loss."""
    settings = {"terms": [{"type": "KLDLoss", **term}, *more], **loss}
    return all_frames(
        {f"model.distill_loss.{key}": value for key, value in settings.items()}
    )


def of_neighbours(arm: Arm) -> Arm:
    """An arm whose unlabelled frames are those next to a labelled one in time."""
    return replace(
        arm, options={**arm.options, "split_table": "near16.csv"}, cache="near"
    )


FARM_LEVERS = replace(
    FARM_FEWER,
    name="farm_few16_levers",
    title="The recipe of farm_few16, KL on all frames, and one thing changed. "
    "*Plain* is here the recipe itself; all have its rate.",
    arms={
        "recipe": replace(KL_ALL, kind="plain"),
        "T 2": lever({"temperature": 2.0}),
        "T 4": lever({"temperature": 4.0}),
        "T 8": lever({"temperature": 8.0}),
        "fitted T": lever({"temperature": "fitted"}),
        "labels decay to 0": lever(
            {},
            teacher_ratio={
                "_delete_": True,
                "kind": "linear",
                "start": 0.5,
                "end": 1.0,
                "until": 1500,
            },
        ),
        "with CWD": lever({}, {"type": "CWDLoss", "temperature": 4.0, "weight": 3.0}),
        "pseudo-labels": all_frames(
            {"model.distill_loss.terms": [{"type": "HardLabelLoss"}]}
        ),
        "student's error": lever(
            {}, modulate="kd", student_error={"classes": [1], "threshold": 0.5}
        ),
        "averaged weights": replace(
            KL_ALL,
            options={
                **KL_ALL.options,
                "default_hooks.ema": {"type": "EMAHook", "momentum": 0.01},
            },
        ),
        "both teachers": replace(
            KL_ALL,
            options={**KL_ALL.options, "model.ensemble.average": "probability"},
            together=True,
        ),
        "cheap step": replace(
            KL_ALL,
            options={
                **KL_ALL.options,
                "optim_wrapper.type": "CPUAmpOptimWrapper",
                "optim_wrapper.optimizer.fused": True,
            },
        ),
    },
    rates=(2.4e-2,),
    tuned=("recipe",),
    seeds=tuple(range(5)),
    compares_teaching=False,
)
# Above its default of 0.95 the teacher is sure of little splash.
PSEUDO = lever({"type": "HardLabelLoss", "threshold": 0.0})
FARM_NEIGHBOURS = replace(
    FARM_LEVERS,
    name="farm_few16_neighbours",
    title="The recipe of farm_few16 beside pseudo-labels of all pixels, arms whose "
    "frames without a label are next to a labelled one in time, and itself, four times "
    "as long. *Plain* is here the recipe; all have its rate.",
    arms={
        "recipe": FARM_LEVERS.arms["recipe"],
        "pseudo-labels": PSEUDO,
        "neighbours": of_neighbours(KL_ALL),
        "pseudo-labels, neighbours": of_neighbours(PSEUDO),
        "four times as long": replace(
            KL_ALL,
            options={
                **KL_ALL.options,
                "max_iters": 6000,
                "train_cfg.val_interval": 1000,
            },
        ),
    },
)
LEVERS = (FARM_LEVERS, FARM_NEIGHBOURS)
