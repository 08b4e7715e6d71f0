"""The process of a task."""

import signal

import pytest

from mmseg_splashkd.sweep.tasks import _take_interrupts


@pytest.mark.usefixtures("default_signals")
def test_an_ignored_interrupt_is_taken():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as by nohup
    _take_interrupts()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("default_signals")
def test_another_handler_stays():
    def handler(*_: object) -> None: ...

    signal.signal(signal.SIGINT, handler)
    _take_interrupts()
    assert signal.getsignal(signal.SIGINT) is handler
