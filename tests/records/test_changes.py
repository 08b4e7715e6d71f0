"""What is left of changes when a run goes on from an earlier checkpoint."""

import pytest

from mmseg_splashkd.records.changes import changed_midway, with_changes
from mmseg_splashkd.records.codec import from_json, to_json
from mmseg_splashkd.records.record import Change, Code
from tests.records.builders import record

LONGER = Change(4, "train_cfg.max_iters", "4", "9")
OTHER = Change(2, "k", "0", "1")


def longer(iteration: int, before: str, after: str) -> Change:
    return Change(iteration, LONGER.key, before, after)


@pytest.mark.parametrize(
    ("iteration", "new", "expected"),
    [
        (4, [], [LONGER]),
        (6, [], [LONGER]),
        # What was trained since iteration 2 is lost: it takes effect there, and now.
        (2, [], [longer(2, "4", "9")]),
        (2, [longer(2, "9", "4")], []),  # undone before it had any
        (4, [longer(4, "9", "4")], []),
        (2, [longer(2, "9", "12")], [longer(2, "4", "12")]),
        (6, [longer(6, "9", "4")], [LONGER, longer(6, "9", "4")]),
        (2, [OTHER], [longer(2, "4", "9"), OTHER]),
        (0, [OTHER], []),  # a run that begins again has changed nothing
    ],
)
def test_only_changes_before_the_checkpoint_have_taken_effect(iteration, new, expected):
    assert list(with_changes([LONGER], new, iteration)) == expected


@pytest.mark.parametrize(
    ("key", "midway"),
    [
        ("train_cfg.max_iters", False),
        ("visualizer.name", False),
        ("train_dataloader.dataset.data_root", False),
        ("val_dataloader.num_workers", False),
        ("library torch", False),
        ("train_dataloader.num_workers", True),  # random numbers are those of workers
        ("param_scheduler.0.end", True),
        ("train_cfg.val_interval", True),
        ("custom_hooks.0.type", True),
        ("model.backbone.init_cfg.checkpoint", True),
        ("code mine.heads", True),
        ("processes", True),
    ],
)
def test_a_repetition_has_changes_from_its_start(key, midway):
    changed = record(changes=(Change(2, key, "1", "2"),))
    assert bool(changed_midway(changed)) is midway


def test_sources_and_changes_survive_json():
    given = record(changes=(LONGER,), code=Code("1", sources={"mine": "a" * 64}))
    assert from_json(to_json(given)) == given
    assert "sources" not in to_json(record())["code"]  # earlier versions read it
