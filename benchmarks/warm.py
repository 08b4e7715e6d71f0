"""Keeps for later forks what a fork has imported and formatted.

MMEngine formats the text of a config at every save, which takes longer than the
iterations between two saves of a tiny run; the same text is formatted once here.
"""

import gc
import importlib
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

_formatted: dict[str, Any] = {}


def remember_formatting() -> None:
    """Format equal texts once, from now on."""
    from yapf.yapflib import yapf_api

    original = yapf_api.FormatCode

    def format_once(text: str, **style: Any) -> Any:
        if text not in _formatted:
            _formatted[text] = original(text, **style)
        return _formatted[text]

    yapf_api.FormatCode = format_once


def leave_warmth(path: Path) -> None:
    """Write what this process has imported and formatted."""
    path.write_text(json.dumps([list(sys.modules), _formatted]), "utf-8")


def take_warmth(path: Path) -> None:
    """Import and keep what ``leave_warmth`` has written."""
    modules, formatted = json.loads(path.read_text("utf-8"))
    for name in modules:
        if name not in sys.modules:
            with suppress(ImportError):  # some are made by others, such as six.moves
                importlib.import_module(name)
    _formatted.update(formatted)
    gc.collect()
    gc.freeze()  # MMEngine collects garbage for every data set
