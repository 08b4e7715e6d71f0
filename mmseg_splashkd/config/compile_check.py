"""Checks that ``torch.compile`` finds a compiler, before anything is built."""

import os
import shutil
from typing import Any

from mmengine.config import Config

COMPILERS = ("g++", "clang++", "c++")  # as torch looks for them
WITHOUT_COMPILER = ("eager", "aot_eager")


def check_compile(cfg: Config) -> None:
    """Check MMEngine's ``compile``, which compiles a step of training.

    Raises:
        ValueError: It is neither a boolean nor a dict, or there is no C++ compiler for
            it.
    """
    asked: Any = cfg.get("compile")
    if asked is None or asked is False:
        return
    if asked is not True and not isinstance(asked, dict):
        raise ValueError(
            f"compile={asked!r} must be True, False or the arguments of torch.compile, "
            f"such as dict(mode='reduce-overhead')"
        )
    backend = "inductor" if asked is True else asked.get("backend", "inductor")
    own = os.environ.get("CXX")
    names = (own,) if own else COMPILERS
    if backend not in WITHOUT_COMPILER and not any(map(shutil.which, names)):
        raise ValueError(
            f"compile={asked!r} needs a C++ compiler, and none of {names} is on the "
            f"path: install one (apt install g++), name it by the environment variable "
            f"CXX, or leave compile out"
        )
