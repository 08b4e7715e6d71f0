"""What a stage prints goes to its log, and nothing else."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

SCRIPT = """
import logging, os, sys
from contextlib import suppress
from pathlib import Path
from mmseg_splashkd.advice.stages import Stages

logger = logging.getLogger("before")
logger.addHandler(logging.StreamHandler(sys.stdout))  # a logger keeps its stream
stages = Stages(Path(sys.argv[1]))
with stages.stage("first"):
    print("printed")
    logger.warning("logged")
    os.write(1, b"from C\\n")
with suppress(ValueError), stages.stage("second"):
    print("before the error")
    raise ValueError
print("after")
"""


@pytest.mark.slow
def test_only_the_names_of_stages_are_printed(tmp_path):
    log = tmp_path / "new" / "look.log"
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(log)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["first", "second", "after"]
    logged = sorted(log.read_text().splitlines())
    assert logged == ["before the error", "from C", "logged", "printed"]
