import errno
import importlib
import importlib.util
import signal
from pathlib import Path

import pytest

import mmseg_splashkd.sweep as package
from mmseg_splashkd.hooks.not_finite import NotFiniteError
from mmseg_splashkd.sweep import tasks

LOG = Path("run/output.log")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("r is odd\nmore"), tasks.REFUSED),
        (FileNotFoundError("no teacher"), tasks.REFUSED),
        (NotFiniteError("loss is not finite at iteration 3", "loss"), tasks.REFUSED),
        (RuntimeError("CUDA out of memory"), tasks.FAILED),
        (OSError(errno.EIO, "input/output error"), tasks.FAILED),
        (OSError(errno.ENOSPC, "No space left on device"), tasks.FULL),
    ],
)
def test_kinds_of_failures(error, kind, capsys):
    found, text = tasks._failure(error, LOG)
    assert found == kind
    assert text.startswith(f"{type(error).__name__}: ")
    assert text.endswith("(see run/output.log)")
    assert "\n" not in text


@pytest.mark.parametrize("name", ["ray", "optuna"])
def test_a_missing_package_names_the_extra(monkeypatch, name):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n: None if n == name else find(n)
    )
    with pytest.raises(ImportError, match=rf"needs {name}: pip install -e '\.\[sweep"):
        importlib.reload(package)
    monkeypatch.undo()
    importlib.reload(package)


@pytest.mark.usefixtures("default_signals")
def test_an_ignored_interrupt_is_taken():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as by nohup
    tasks._take_interrupts()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("default_signals")
def test_another_handler_stays():
    def handler(*_: object) -> None: ...

    signal.signal(signal.SIGINT, handler)
    tasks._take_interrupts()
    assert signal.getsignal(signal.SIGINT) is handler
