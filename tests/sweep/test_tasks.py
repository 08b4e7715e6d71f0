import errno
import importlib
import importlib.util
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
