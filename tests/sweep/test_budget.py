"""Charges and lengths, against figures worked out by hand."""

from dataclasses import replace

import pytest

from mmseg_splashkd.sweep.budget import (
    ArmCost,
    Budget,
    Item,
    read_budget,
    write_budget,
)

TEACHER = Item("the teacher", 60.0, 4, "300 iterations x 0.2000 s")
CACHE = Item("the cache", 20.0, 2, "100 views x 0.2000 s")
PLAIN = ArmCost(100, 100, 0.5, (0.4, 0.6))
ONLINE = ArmCost(100, 100, 0.8, (0.7, 0.9), (TEACHER,))
CACHED = ArmCost(100, 100, 0.55, (0.5, 0.6), (TEACHER,), (CACHE,))
BUDGET = Budget("once", {"plain": PLAIN, "online": ONLINE, "cached": CACHED}, "a CPU")


def test_every_arm_has_the_time_of_the_dearest():
    # online: 60 + 100 x 0.8 = 140; cached: 60 + 20 + 100 x 0.55 = 135; plain: 50.
    assert (BUDGET.dearest, BUDGET.seconds) == ("online", 140.0)
    lengths = {name: BUDGET.length_of(name) for name in BUDGET.arms}
    # 140 / 0.5 = 280; (140 - 80) / 0.55 = 109.09
    assert lengths == {"plain": 280, "online": 100, "cached": 109}


def test_shared_costs_are_divided_among_the_runs_that_use_them():
    shared = replace(BUDGET, rule="shared")
    # online: 60 / 4 + 80 = 95; cached: 15 + 20 / 2 + 55 = 80.
    assert shared.seconds == 95.0
    lengths = {name: shared.length_of(name) for name in shared.arms}
    assert lengths == {"plain": 190, "online": 100, "cached": int(70 / 0.55)}


def test_a_plain_arm_may_be_the_dearest():
    slow = replace(PLAIN, step_s=2.0)
    budget = replace(BUDGET, arms={"plain": slow, "online": ONLINE})
    assert budget.dearest == "plain"
    assert budget.length_of("online") == 175  # (200 - 60) / 0.8


def test_epochs_are_whole():
    # An epoch of 20 iterations takes 10 s: 14 fit into 140 s.
    arm = replace(PLAIN, length=5, iterations=100)
    budget = replace(BUDGET, arms={"plain": arm, "online": ONLINE})
    assert (budget.length_of("plain"), budget.iterations_of("plain")) == (14, 280)


def test_rounding_costs_no_iteration():
    # 0.3 / 0.1 is 2.9999999999999996 in floating point.
    slow, quick = (ArmCost(1, 1, step, (step, step)) for step in (0.3, 0.1))
    budget = Budget("once", {"slow": slow, "quick": quick})
    assert (budget.length_of("slow"), budget.length_of("quick")) == (1, 3)


def test_lines_say_what_is_charged():
    head, *lines = BUDGET.lines()
    assert head == (
        "Equal wall-clock: every run has the 140.0 s of online, measured on a CPU. "
        "Teacher and cache are charged to each run in full. Validations, of which all "
        "have as many, are not charged."
    )
    assert lines[:2] == [
        "  the teacher: 60.0 s (300 iterations x 0.2000 s)",
        "  the cache: 20.0 s (100 views x 0.2000 s)",
    ]
    assert lines[4] == (
        "  cached: 100 iterations in its config, 109 with equal time: teacher 60.0 s + "
        "cache 20.0 s + 109 x 0.5500 s (quartiles 0.5000 to 0.6000) = 139.9 s"
    )
    shared = replace(BUDGET, rule="shared").lines()
    assert "divided among the runs" in shared[0]
    assert shared[1].endswith(", used by 4 runs)")


def test_a_budget_is_read_as_it_was_written(tmp_path):
    assert read_budget(tmp_path) is None
    write_budget(tmp_path, BUDGET)
    assert read_budget(tmp_path) == BUDGET


@pytest.mark.parametrize("text", ["[]", '{"version": 2}', '{"version": 1}'])
def test_a_budget_that_cannot_be_read(tmp_path, text):
    (tmp_path / "budget.json").write_text(text)
    with pytest.raises(ValueError, match=r"budget\.json is no budget that"):
        read_budget(tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('"rule": "once"', '"rule": "never"', "rule='never' must be one of"),
        ('"step_s": 0.5', '"step_s": 0', r"step_s is 0, not in \[1e-09"),
        ('"step_s": 0.5', '"step_s": "0.2"', "step_s='0.2' must be float"),
        ('"runs": 2', '"runs": 0', "runs of the cache is 0, not in"),
    ],
)
def test_damaged_values_are_named(tmp_path, before, after, fault):
    write_budget(tmp_path, BUDGET)
    path = tmp_path / "budget.json"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(ValueError, match=fault):
        read_budget(tmp_path)
