"""The table of events while rows come, and after any end."""

import numpy as np

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.deploy.watch.event_log import PAUSE, EventLog
from mmseg_splashkd.deploy.watch.rows import Row
from mmseg_splashkd.evaluation.events import find_events, read_events


def rows(count: int = 2400) -> list[Row]:
    """Splashes of random length, four frames a second."""
    calm = np.random.default_rng(3).random(count) < 0.94
    shown = np.repeat(~calm, 6)[:count]
    return [
        Row(number * SECOND // 4, 0.05 * splash, 5 * splash, int(splash), None)
        for number, splash in enumerate(shown.tolist())
    ]


def test_events_are_those_of_all_rows(tmp_path):
    log, given = EventLog(tmp_path, "pond"), rows()
    for row in given:
        log.on_row(row)
    log.end()
    times, shares = [r.time_ns for r in given], [r.share for r in given]
    expected = find_events(times, shares)
    assert len(expected) > 5
    assert [each.event for each in read_events(tmp_path / "events.csv")] == expected
    assert log.found == expected


def test_a_kill_leaves_the_events_that_were_final_a_second_before(tmp_path):
    now = [0.0]
    log = EventLog(tmp_path, "pond", clock=lambda: now[0])
    given = rows()
    for row in given[:1200]:
        log.on_row(row)
    assert not (tmp_path / "events.csv").exists()  # the first second is not over
    assert (before := len(log.found))
    now[0] = PAUSE
    for row in given[1200:]:
        log.on_row(row)
    kept = [each.event for each in read_events(tmp_path / "events.csv")]
    assert len(kept) == before + 1  # with the first one that became final after it
    assert kept == log.found[: len(kept)]


def test_an_event_that_goes_on_is_in_the_table(tmp_path):
    log = EventLog(tmp_path, "pond")
    for number in range(8):
        log.on_row(Row(number * SECOND // 4, 0.05, 5, 1, None))
    assert log.end()[0].startswith("1 event, 2.0 s in total")
    ((_, event),) = read_events(tmp_path / "events.csv")
    assert (event.begins_open, event.ends_open) == (True, True)
