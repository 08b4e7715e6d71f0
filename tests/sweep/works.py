"""Work for processes of their own; named here, for they look it up by its name."""

import errno
import os
import signal
import threading
from collections.abc import Callable

Report = Callable[[str], object]


def tell(report: Report) -> dict:
    report("one")
    print("to the log")
    report("two")
    return {"pid": os.getpid(), "gpu": os.environ.get("CUDA_VISIBLE_DEVICES")}


def threads(report: Report) -> int:
    import torch

    return torch.get_num_threads()


def refuse(report: Report) -> None:
    raise ValueError("r is odd\nmore of it")


def break_down(report: Report) -> None:
    raise RuntimeError("out of luck")


def fill_disk(report: Report) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "weights")


def be_killed(report: Report) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait(report: Report) -> None:
    report(str(os.getpid()))
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("ended in order")
        raise
