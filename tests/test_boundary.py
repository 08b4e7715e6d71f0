"""What a tool prints, and how it exits, when it fails."""

import errno
import os
import re
import signal
from pathlib import Path

import pytest
import torch

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.faults import ConfigError, building
from mmseg_splashkd.unwritable import UnwritableError
from tools.boundary import STOPS, run_tool


def failing(error: BaseException):
    def main() -> None:
        raise error

    return main


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """Where tracebacks are kept."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def kept(message: str) -> str:
    """The text of the file that a message names."""
    found = re.search(r"^traceback: (.+)$", message, re.MULTILINE)
    assert found, message
    return Path(found[1]).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "error",
    [
        KeyError("dataset"),
        TypeError("an integer is required"),
        AttributeError("no attribute 'foo'"),
        AssertionError("shapes"),
        IndexError("index 1 is out of bounds"),
        NotImplementedError("later"),
        ZeroDivisionError("division by zero"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_that_says_nothing_keeps_its_traceback(error):
    with pytest.raises(SystemExit) as ended:
        run_tool(failing(error), "cannot train")
    message = str(ended.value.code)  # printed to stderr, exit status 1
    assert message.startswith(f"cannot train: {type(error).__name__}: {error}\n")
    assert "Traceback (most recent call last)" in kept(message)


def test_a_message_of_the_package_is_all_that_is_printed(folder):
    with pytest.raises(SystemExit) as ended:
        run_tool(lambda: find_checkpoint("nowhere.pth") and None, "cannot test")
    message = str(ended.value.code)
    assert message.startswith("cannot test: checkpoint='nowhere.pth' does not exist")
    assert "traceback" not in message
    assert not list(folder.iterdir())


def test_a_key_of_the_config_is_printed_with_the_traceback_of_its_cause():
    def main() -> None:
        with building(model={"type": "Foo"}):
            raise KeyError("bar")

    with pytest.raises(SystemExit) as ended:
        run_tool(main, "cannot train")
    message = str(ended.value.code)
    assert message.startswith("cannot train: model.type='Foo' is not registered")
    assert "KeyError: 'bar'" in kept(message)


def test_a_failing_call_in_the_package_is_no_message():
    """torch raises from within a line of the package, and says nothing to a user."""

    def main() -> None:
        with building(model={}):
            torch.zeros(2).view(3)

    with pytest.raises(ConfigError, match=r"^model=\{\} cannot be used: RuntimeError"):
        main()


def test_status_and_stderr(capsys):
    with pytest.raises(SystemExit) as ended:
        run_tool(failing(ValueError("broken")), "cannot sweep", 2)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("cannot sweep: ValueError: broken\n")
    with pytest.raises(SystemExit) as ended:
        run_tool(failing(KeyboardInterrupt()), "cannot sweep")
    assert ended.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize("name", STOPS)
def test_a_signal_ends_a_tool_with_its_number(capsys, name):
    number = getattr(signal, name)
    before = signal.getsignal(number)

    def main() -> None:
        try:
            os.kill(os.getpid(), number)
        finally:  # a second one does not interrupt the end
            os.kill(os.getpid(), number)
            print("whole")

    with pytest.raises(SystemExit) as ended:
        run_tool(main, "cannot test")
    assert ended.value.code == 128 + number
    assert capsys.readouterr() == ("whole\n", "interrupted\n")
    assert signal.getsignal(number) is before


def test_an_ignored_signal_stays_ignored():
    """As SIGHUP by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run_tool(lambda: os.kill(os.getpid(), signal.SIGHUP), "cannot test")
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_status_of_the_tool_is_passed_on():
    with pytest.raises(SystemExit) as ended:
        run_tool(lambda: 3, "cannot")
    assert ended.value.code == 3
    run_tool(lambda: None, "cannot")  # goes on


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "a file cannot be written"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "a/b"), "a/b cannot be writte"),
        (OSError(errno.EDQUOT, "no room for x", "a/b"), "no room for x"),
        (UnwritableError(errno.ENOSPC, "a/b is full", "a/b"), "a/b is full"),
    ],
    ids=["unnamed", "named", "explained", "translated"],
)
def test_a_drive_that_takes_no_more_is_one_line(folder, error, message):
    with pytest.raises(SystemExit) as ended:
        run_tool(failing(error), "cannot train")
    text = str(ended.value.code)
    assert text.startswith("cannot train: ")
    assert message in text
    assert "\n" not in text
    assert not list(folder.iterdir())


def test_a_full_drive_prints_the_traceback(monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    with pytest.raises(SystemExit) as ended:
        run_tool(failing(KeyError("a")), "cannot train")
    assert "No space left on device" in str(ended.value.code)
    assert "Traceback (most recent call last)" in str(ended.value.code)
