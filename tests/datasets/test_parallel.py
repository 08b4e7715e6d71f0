import threading

import pytest

from mmseg_splashkd.datasets.parallel import map_frames


def test_results_are_in_the_order_of_the_frames(capsys):
    assert map_frames(lambda frame: -frame, range(50), "Reading", progress=False) == [
        -frame for frame in range(50)
    ]
    assert capsys.readouterr().out == ""


def test_progress_bar_shows_the_description(capsys):
    map_frames(str, [1, 2], "Reading labels")
    assert "Reading labels" in capsys.readouterr().out


def test_no_thread_outlives_an_error():
    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError):
        map_frames(lambda frame: 1 // frame, [1, 0, 1], "Reading")
    started = set(threading.enumerate()) - before
    for thread in started:  # a stopped thread may still be terminating
        thread.join(timeout=10)
    assert not [thread for thread in started if thread.is_alive()]
