"""Command-line tools run in this process, which has imported torch already."""

import runpy
import sys

import pytest

from tests.conftest import ROOT


def run_tool(name: str, *words: object) -> None:
    """Run a tool as its command would.

    Args:
        name: File in the folder ``tools``, such as ``'train.py'``.
        words: Its arguments.

    Raises:
        SystemExit: The tool ended with a status, or with a message to print.
    """
    tool = ROOT / "tools" / name
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(tool), *map(str, words)])
        patch.syspath_prepend(str(tool.parent))
        runpy.run_path(str(tool), run_name="__main__")


def status_of(name: str, *words: object) -> int:
    """Exit status of a tool; for the arguments see ``run_tool``.

    Raises:
        SystemExit: The tool ended with a message instead.
    """
    try:
        run_tool(name, *words)
    except SystemExit as ended:
        if isinstance(ended.code, str):
            raise
        return ended.code or 0
    return 0
