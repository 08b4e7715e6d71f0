"""Processes that tests start leave two libraries out, and have all others."""

import subprocess
import sys

import pytest

from tests.lean_processes import lean

TRIED = "try:\n    import {}\nexcept ImportError as error:\n    print(error)"


@pytest.mark.parametrize("name", ["albumentations", "transformers"])
def test_a_library_cannot_be_imported(name):
    command = [sys.executable, "-c", TRIED.format(name)]
    done = subprocess.run(command, env=lean(), capture_output=True, text=True)
    assert done.stdout.startswith(f"import of {name} halted")


def test_paths_and_the_environment_are_there(monkeypatch):
    monkeypatch.setenv("OF_A_TEST", "one")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    program = "import os, sys, tests; print(os.environ['OF_A_TEST'], sys.path)"
    command = [sys.executable, "-c", program]
    assert "'/elsewhere'" in subprocess.check_output(command, env=lean(), text=True)
    changed = subprocess.check_output(command, env=lean(OF_A_TEST="two"), text=True)
    assert changed.startswith("two ")
