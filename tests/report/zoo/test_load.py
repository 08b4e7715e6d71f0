"""Share of the processor that others used: from lines of /proc/stat, by hand."""

import os
import time

import pytest

from mmseg_splashkd.report.zoo import load
from mmseg_splashkd.report.zoo.load import (
    ProcessorTime,
    processor_time,
    share_of_others,
)

LINES = """\
cpu  9 9 9 9 9 9 9 9 9 9
cpu0 100 20 30 400 50 6 7 8 90 10
cpu1 1000 0 0 500 0 0 0 0 0 0
cpu10 7 7 7 7 7 7 7 7 7 7
intr 1 2 3
"""


def test_times_are_of_the_cores_that_the_process_may_use(monkeypatch, tmp_path):
    (tmp_path / "stat").write_text(LINES)
    monkeypatch.setattr(load, "STAT", tmp_path / "stat")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr(os, "sysconf", lambda _: 100)
    monkeypatch.setattr(time, "process_time", lambda: 3.5)
    used = 100 + 20 + 30 + 6 + 7 + 8 + 1000
    assert processor_time() == (used / 100 + 4.5 + 5, used / 100, 3.5)
    monkeypatch.setattr(load, "STAT", tmp_path / "none")
    assert processor_time() is None


@pytest.mark.parametrize(
    ("after", "share"),
    [
        ((20.0, 8.0, 3.0), 0.5),  # of ten seconds, seven used, two of them by itself
        ((20.0, 3.0, 4.0), 0.0),  # counted in ticks, it may seem to use more than all
        ((10.0, 1.0, 1.0), None),
        (None, None),
    ],
)
def test_share_is_what_others_used_of_all_time(after, share):
    before = ProcessorTime(10.0, 1.0, 1.0)
    assert share_of_others(before, after and ProcessorTime(*after)) == share
    assert share_of_others(None, before) is None
