"""Engines and quantisation leave the stack on which signals are handled as it was."""

import ctypes
import gc
import os
import subprocess
import sys

import numpy as np
import pytest

from mmseg_splashkd.deploy.engines import open_engine
from mmseg_splashkd.deploy.signal_stack import (
    SignalStack,
    kept_signal_stack,
    signal_stack,
)
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="no stack of Linux")
FRAMES = np.zeros((1, 32, 48, 3), np.uint8)
# As many cores of others, which end in the order in which they began.
PROCESS = """
import faulthandler, gc, signal, sys
import numpy as np

faulthandler.enable()  # gives the thread a signal stack
from mmseg_splashkd.deploy.engines import open_engine

engines = [open_engine("openvino", sys.argv[1], 1) for _ in range(2)]
for engine in engines:
    engine.run(np.zeros((1, 32, 48, 3), np.uint8))
while engines:
    del engines[0], engine
    gc.collect()
    engine = None
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background jobs
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""


def fields() -> tuple:
    found = signal_stack()
    assert found is not None
    return found.address, found.flags, found.size


def test_the_stack_is_given_back():
    before, own = fields(), ctypes.create_string_buffer(2**17)
    with kept_signal_stack():
        new = SignalStack(ctypes.addressof(own), 0, len(own))
        assert not ctypes.CDLL(None).sigaltstack(ctypes.byref(new), None)
        assert fields()[0] == ctypes.addressof(own)
    assert fields() == before


def test_engines_leave_it_as_it_was(exported):
    pytest.importorskip("openvino", reason="no openvino: .[deploy]")
    before = fields()
    for _ in range(2):
        engines = [open_engine("openvino", exported, 1) for _ in range(2)]
        for engine in engines:
            engine.run(FRAMES)
        while engines:
            del engines[0], engine
            engine = None
            gc.collect()
    assert fields() == before


def test_quantising_leaves_it_as_it_was(quantised):
    """Of the process that quantised: its address is mapped."""
    stack = signal_stack()
    assert stack is not None
    if stack.address is None:
        return
    with open("/proc/self/maps", encoding="utf-8") as maps:  # noqa: PTH123
        spans = [line.split()[0].split("-") for line in maps]
    assert any(int(a, 16) <= stack.address < int(b, 16) for a, b in spans)


def test_a_signal_after_engines_is_handled(exported):
    pytest.importorskip("openvino", reason="no openvino: .[deploy]")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROCESS, str(exported)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[:1]])},
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr
