import errno
import json
import multiprocessing
import os
import resource
import signal
import socket

import pandas as pd
import pytest

from mmseg_splashkd.records import LEDGER, TABLE, ledger, read_ledger
from mmseg_splashkd.records.ledger import add_record
from tests.records.builders import dead_pid, leave_run, record

WRITERS, LINES = 8, 25
# Newer Pythons warn of forks beside torch's threads; the children here use none.
forks = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture
def path(tmp_path):
    return tmp_path / LEDGER


@pytest.fixture
def told(monkeypatch):
    """What readers put into the log."""
    lines = []
    monkeypatch.setattr(ledger, "print_log", lambda text, **_: lines.append(text))
    return lines


def in_child(work, *arguments):
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def write_many(path, writer, start):
    start.wait()
    for number in range(writer * LINES, (writer + 1) * LINES):
        add_record(path, record(number, filler="x" * (number % 7) * 99))


@forks
@pytest.mark.slow
def test_writers_of_many_processes_lose_nothing(path):
    context = multiprocessing.get_context("fork")
    start = context.Barrier(WRITERS)
    arguments = [(path, writer, start) for writer in range(WRITERS)]
    writers = [context.Process(target=write_many, args=each) for each in arguments]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    found = read_ledger(path)
    ids = [each["id"] for each in found]
    assert sorted(ids) == [f"{number:032x}" for number in range(WRITERS * LINES)]
    for each in found:  # whole, and those of one writer in their order
        assert len(each["filler"]) == int(each["id"], 16) % 7 * 99
    for writer in range(WRITERS):
        own = [i for i in ids if int(i, 16) // LINES == writer]
        assert own == sorted(own)
    assert pd.read_csv(path.with_name(TABLE))["id"].tolist() == ids


def die_in_the_middle(path):
    whole = os.write

    def half(handle, data):
        whole(handle, data[: len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    os.write = half
    add_record(path, record(1))


@forks
def test_torn_line_costs_that_line_alone(path, told):
    add_record(path, record(0))
    whole = path.read_bytes()
    assert in_child(die_in_the_middle, path) == -signal.SIGKILL
    torn = path.read_bytes()
    assert torn.startswith(whole)
    assert not torn.endswith(b"\n")
    assert [each["run"] for each in read_ledger(path)] == ["run0"]
    assert len(told) == 1
    assert told[0].startswith(f"{path}, line 2, is left out: it is no JSON")
    add_record(path, record(2))  # its lock was freed with it
    assert [each["run"] for each in read_ledger(path)] == ["run0", "run2"]
    assert path.read_bytes().startswith(torn + b"\n")  # nothing was written over


def write_where_there_is_no_room(path, room):
    limit = path.stat().st_size + room
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        add_record(path, record(1, filler="x" * 5000))
    except OSError as error:
        os._exit(error.errno or 0)


@forks
@pytest.mark.parametrize("room", [0, 10])
def test_line_without_room_leaves_no_trace(path, room):
    add_record(path, record(0))
    before = path.read_bytes()
    # The kernel writes as much as there is room for, then refuses.
    code = in_child(write_where_there_is_no_room, path, room)
    assert code == errno.EFBIG
    assert path.read_bytes() == before
    add_record(path, record(2))
    assert [each["run"] for each in read_ledger(path)] == ["run0", "run2"]


def test_line_that_cannot_reach_the_drive_leaves_no_trace(path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        add_record(path, record(0))
    assert path.read_bytes() == b""


def test_full_drive_costs_the_table_until_the_next_line(path, monkeypatch, told):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "write_table", full)
        add_record(path, record(0))
    assert "could not be written" in told[0]
    assert len(read_ledger(path)) == 1
    add_record(path, record(1))
    assert len(pd.read_csv(path.with_name(TABLE))) == 2


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        ({"run": "old"}, "version 0, an older one than the 1 that is read here"),
        (record(9, version=0), "mmseg_splashkd 0.1.0 wrote it: read it with that"),
        (
            record(9, version=2, code={"version": "3.4"}),
            "version 2, a newer one than the 1 that is read here. mmseg_splashkd 3.4",
        ),
        (record(9, version="x"), "version 'x'"),
        ([1, 2], "it is no record of a run, but list"),
        ({"version": 1, "id": "a", "run": "b"}, "it lacks work_dir, how"),
    ],
)
def test_lines_that_cannot_be_read_are_named_and_others_read(path, told, line, trouble):
    add_record(path, record(0))
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n\n")
    add_record(path, record(1))
    told.clear()
    assert [each["run"] for each in read_ledger(path)] == ["run0", "run1"]
    (line_of_log,) = told
    assert line_of_log.startswith(f"{path}, line 2, is left out: ")
    assert trouble in line_of_log
    assert json.dumps(line) in path.read_text()  # it stays


def test_bytes_of_a_crashed_drive_are_left_out(path, told):
    path.write_bytes(b"\0" * 64 + b"\n\xff\xfe{}\n")
    add_record(path, record(0))
    assert [each["run"] for each in read_ledger(path.parent)] == ["run0"]
    assert ["line 1," in told[-2], "line 2," in told[-1]] == [True, True]


def test_missing_ledger_says_who_writes_it(path):
    with pytest.raises(FileNotFoundError, match=r"records\.jsonl do not exist"):
        read_ledger(path)


def test_a_run_has_one_line(path):
    for _ in range(2):
        add_record(path, record(0))
    assert len(read_ledger(path)) == 1


def test_next_writer_adds_the_killed_and_lets_the_living_be(path):
    here = socket.gethostname()
    leave_run(path.parent, 1, pid=dead_pid(), hostname=here)
    leave_run(path.parent, 2, pid=os.getpid(), hostname=here)
    leave_run(path.parent, 3, pid=dead_pid(), hostname="elsewhere")
    for number in (0, 4):
        add_record(path, record(number))
    ended = {each["run"]: each["how"] for each in read_ledger(path)}
    assert ended == {"run1": "killed", "run0": "finished", "run4": "finished"}


def test_table_has_a_column_a_value(path):
    metrics = {"best": {"mIoU": 12.5, "Dice.splash": None}, "last": None}
    config = "a = '''\n,\"'''\n"
    add_record(path, record(0, metrics=metrics, config_text=config, why='x,\n"y"'))
    add_record(path, record(1, teacher={"checkpoint": ["a", "b"]}, why=None))
    table = pd.read_csv(path.with_name(TABLE))
    assert table["metrics.best.mIoU"].tolist()[0] == 12.5
    assert table["metrics.best.Dice.splash"].isna().tolist() == [True, True]
    assert table["code.version"].tolist() == ["0.1.0", "0.1.0"]
    assert table["why"].tolist()[0] == 'x,\n"y"'
    assert json.loads(table["teacher.checkpoint"].tolist()[1]) == ["a", "b"]
    assert "config_text" not in table
