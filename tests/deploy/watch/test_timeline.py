"""The picture of a table shows bursts of one frame in a bounded size."""

import math
from xml.etree import ElementTree

import numpy as np
import pytest

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.deploy.watch import Row
from mmseg_splashkd.deploy.watch.rows import HEADER
from mmseg_splashkd.deploy.watch.timeline import COLUMNS, Columns, draw_timeline
from mmseg_splashkd.evaluation.events import Event
from tests.deploy.watch.helpers import START


def row(number: float, share: float) -> Row:
    return Row(round((START + number) * SECOND), share, int(share > 0), 0, None)


def table(path, rows):
    path.write_text(HEADER + "".join(each.line() for each in rows))
    return path


def columns_of(rows, count):
    columns = Columns(rows[0].time_ns, rows[-1].time_ns, count)
    for each in rows:
        columns.add(each)
    return columns


def test_a_burst_of_one_frame_stays_visible():
    shares = np.zeros(20_000)
    shares[13_337] = 0.07
    columns = columns_of([row(n, s) for n, s in enumerate(shares)], 100)
    assert columns.high.max() == 0.07
    assert np.argmax(columns.high) == 66
    assert columns.low.max() == 0
    assert 0.07 in columns.line(5)[1]


def test_gaps_interrupt_the_line():
    rows = [row(n, 0.5) for n in [*range(10), *range(90, 100)]]
    x, y = columns_of(rows, 100).line(5)
    assert np.isnan(y).sum() == 1
    assert x[np.isnan(y)] == [90]
    assert not np.isnan(columns_of(rows, 100).line(100)[1]).any()


@pytest.mark.parametrize("count", [1, 2, 50, 3000])
def test_the_picture_is_bounded_and_the_same_each_time(tmp_path, count):
    random = np.random.default_rng(3)
    rows = [row(n, share) for n, share in enumerate(random.random(count))]
    file = table(tmp_path / "rows.csv", rows)
    out = draw_timeline(file, tmp_path / "a.svg", "splash")
    assert out == tmp_path / "a.svg"
    svg = (tmp_path / "a.svg").read_bytes()
    assert len(svg) < 400 * COLUMNS
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert b"splash, % of a frame" in svg
    draw_timeline(file, tmp_path / "b.svg", "splash")
    assert (tmp_path / "b.svg").read_bytes() == svg


def test_an_empty_table_has_no_picture(tmp_path):
    file = table(tmp_path / "rows.csv", [])
    assert draw_timeline(file, tmp_path / "a.svg", "splash") is None
    assert not (tmp_path / "a.svg").exists()


def test_columns_are_those_of_the_rows():
    random = np.random.default_rng(5)
    times = np.sort(random.integers(0, 10**6, 500))
    rows = [
        row(float(t), float(s)) for t, s in zip(times, random.random(500), strict=True)
    ]
    columns = columns_of(rows, 37)
    span = rows[-1].time_ns - rows[0].time_ns + 1
    for column in range(37):
        inside = [
            each.share
            for each in rows
            if column == (each.time_ns - rows[0].time_ns) * 37 // span
        ]
        assert columns.high[column] == max(inside, default=-math.inf)
        assert columns.low[column] == min(inside, default=math.inf)


def test_events_are_shaded():
    columns = Columns(0, 99 * SECOND, 50)
    seconds = [(0, 1), (40, 40), (96, 99)]
    events = [
        Event(a * SECOND, b * SECOND, 1.0, 0.1, a * SECOND, 0.1, 0.1, 2, False, False)
        for a, b in seconds
    ]
    x, held = columns.shading(events)
    assert x.tolist() == list(range(51))
    assert np.flatnonzero(held).tolist() == [0, 20, 48, 49]
