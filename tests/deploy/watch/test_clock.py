"""Frames of a clock that jumps or errs; times are seconds, worked out by hand."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.deploy.watch import read_rows
from mmseg_splashkd.deploy.watch.clock import HELD, in_order
from mmseg_splashkd.deploy.watch.source import (
    BACKWARDS,
    CLOCK,
    DAMAGED,
    REPEATED,
    Moment,
    Problem,
)
from tests.deploy.predict.fakes import write
from tests.deploy.watch.helpers import START, draw_folder, picture
from tests.deploy.watch.test_command import refused, told

DAY = 86_400
FAR = 400 * DAY


def moment(seconds: float) -> Moment:
    return Moment(round(seconds * SECOND), f"{seconds} s", lambda: picture(0))


def passed(*seconds: float, max_jump: float = DAY) -> tuple[list[float], list[str]]:
    """Seconds of the frames that pass, and reasons of the others."""
    times, reasons = list[float](), list[str]()
    for item in in_order(map(moment, seconds), round(max_jump * SECOND)):
        if isinstance(item, Problem):
            reasons.append(item.reason)
        else:
            times.append(item.time_ns / SECOND)
    return times, reasons


@pytest.mark.parametrize(
    ("given", "kept", "reasons"),
    [
        ([], [], []),
        ([7], [7], []),
        ([7, 8], [7, 8], []),
        # A clock that is set once, as by NTP after a start in 1970.
        ([1, 2, FAR, FAR + 1], [1, 2, FAR, FAR + 1], []),
        ([1, FAR, FAR + 1], [1, FAR, FAR + 1], []),
        # One wrong time, or up to three, among others.
        ([1, 2, FAR, 3, 4], [1, 2, 3, 4], [CLOCK]),
        ([1, 2, FAR, FAR + 1, FAR + 2, 3, 4], [1, 2, 3, 4], [CLOCK] * 3),
        # Four are believed: the later ones come too early.
        (
            [1, FAR, FAR + 1, FAR + 2, FAR + 3, 2, 3],
            [1, FAR, FAR + 1, FAR + 2, FAR + 3],
            [BACKWARDS] * 2,
        ),
        # The first one is wrong, or the last one.
        ([FAR, 1, 2, 3], [1, 2, 3], [CLOCK]),
        ([FAR, FAR + 1, 1, 2], [1, 2], [CLOCK] * 2),
        ([1, 2, FAR], [1, 2], [CLOCK]),
        # Wrong times in wrong times.
        ([1, FAR, 9 * FAR, 2, 3], [1, 2, 3], [CLOCK] * 2),
        ([1, FAR, 9 * FAR, FAR + 1], [1, FAR, FAR + 1], [CLOCK]),
        # Disorder after a jump, and before it, is no wrong clock.
        ([1, FAR, FAR - 1, FAR + 1], [1, FAR, FAR + 1], [BACKWARDS]),
        ([5, 3, 4, 6], [5, 6], [BACKWARDS] * 2),
        ([1, 2, FAR, FAR, FAR + 1], [1, 2, FAR, FAR + 1], [REPEATED]),
        ([1, 5, FAR, 4, 6], [1, 5, 6], [CLOCK, BACKWARDS]),
        # Each frame jumps, as of a picture a week.
        ([n * 7 * DAY for n in range(9)], [n * 7 * DAY for n in range(8)], [CLOCK]),
        # A day is no jump, and a second more is one.
        ([0, DAY, 1], [0, DAY], [BACKWARDS]),
        ([0, DAY + 1, 1], [0, 1], [CLOCK]),
    ],
)
def test_what_a_jumping_clock_leaves(given, kept, reasons):
    assert passed(*given) == (kept, reasons)


def test_the_length_of_a_jump_is_chosen():
    assert passed(0, 1, 12, 2, max_jump=10) == ([0, 1, 2], [CLOCK])
    assert passed(0, 1, 11, 2, max_jump=10) == ([0, 1, 11], [BACKWARDS])


def test_a_frame_waits_for_no_more_than_the_three_after_it():
    """The delay is bounded, also where every frame jumps; problems do not wait."""
    random = np.random.default_rng(5)
    steps = np.where(random.random(500) < 0.3, 2 * DAY, 1).cumsum().tolist()
    taken = SimpleNamespace(count=0)

    def source() -> Iterator[Moment | Problem]:
        for step in steps:
            taken.count += 1
            yield moment(step)

    for number, item in enumerate(in_order(source()), 1):
        if isinstance(item, Moment):
            assert taken.count - number < HELD
    assert passed(*steps)[0][:499] == steps[:499]


def test_problems_of_the_source_pass_at_once():
    items = [moment(1), moment(FAR), Problem(DAMAGED, "x"), moment(FAR + 1)]
    found = list(in_order(iter(items)))
    assert [i.reason if isinstance(i, Problem) else i.name for i in found] == [
        DAMAGED,
        "1 s",
        f"{FAR} s",
        f"{FAR + 1} s",
    ]


def test_a_wrong_time_says_how_far_it_is():
    items = list(in_order(map(moment, [1, 2, FAR, 3])))
    (problem,) = (item for item in items if isinstance(item, Problem))
    assert problem.text == (
        f"{FAR} s is 34,559,998.000 s after the frame before it, and 3 s is earlier "
        f"again"
    )


def test_a_wrong_name_does_not_make_the_later_frames_late(model, tmp_path):
    """A far future name comes last: its row would refuse all later pictures."""
    frames = draw_folder(tmp_path / "frames", range(6))
    wrong = write(frames / f"{START + FAR}-000000000.png", picture(0))
    words = (model, frames, "--out", tmp_path / "out")
    shown = told(*words, status=1)
    assert "7 read: 6 rows new, 1 wrong clock" in shown
    assert f"{wrong} is 34,559,995.000 s after the frame before it, and none" in shown
    draw_folder(frames, range(6, 9))
    assert "3 rows new, 6 rows there already, 1 wrong clock" in told(*words, status=1)
    assert len(list(read_rows(tmp_path / "out" / "rows.csv"))) == 9


def test_the_limit_is_part_of_what_is_asked(model, tmp_path):
    frames = draw_folder(tmp_path / "frames", [0, 1, 90])
    words = (model, frames, "--out", tmp_path / "out")
    told(*words, "--max-jump", 30, status=1)
    message = refused(*words)
    assert "of another --max-jump: --max-jump 30 s (now 86400 s)" in message
    assert "--max-jump '0' must be seconds above 0" in refused(*words, "--max-jump", 0)
    assert "--max-jump 'x' is not a number" in refused(*words, "--max-jump", "x")


def test_a_folder_of_an_earlier_version_goes_on_by_the_default(model, tmp_path):
    frames = draw_folder(tmp_path / "frames", range(3))
    words = (model, frames, "--out", tmp_path / "out")
    told(*words)
    asked = tmp_path / "out" / "asked.json"
    before = asked.read_text()
    asked.write_text(before.replace(',\n "--max-jump": "86400 s"', ""))
    assert asked.read_text() != before
    told(*words)
    assert "of another --max-jump" in refused(*words, "--max-jump", 5)
