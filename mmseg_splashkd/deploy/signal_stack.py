"""The stack on which a thread handles signals, kept from libraries that take it away.

Each core of OpenVINO gives its thread a signal stack of its own (CPUs with AMX need a
larger one), and unmaps it when it ends. Of two cores that do not end in the opposite
order, the last one puts back a stack that is gone. Python handles signals on that stack
where there is one: from then on Ctrl-C ends the process by SIGSEGV, silently (seen with
OpenVINO 2026.4).
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class SignalStack(ctypes.Structure):
    """``stack_t`` of Linux; equal fields are the same stack."""

    _fields_ = (
        ("address", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("size", ctypes.c_size_t),
    )


def signal_stack() -> SignalStack | None:
    """That of this thread; None on other systems than Linux."""
    if sys.platform != "linux":
        return None
    found = SignalStack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(found))
    return found


@contextmanager
def kept_signal_stack() -> Iterator[None]:
    """Give this thread back the signal stack that it has now.

    Where the system refuses it, because it is too small by now, the new one stays.
    """
    before = signal_stack()
    try:
        yield
    finally:
        if before is not None:
            ctypes.CDLL(None).sigaltstack(ctypes.byref(before), None)
