"""``benchmarks/faults.py`` with ten kills; the table of all is in its README."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.lean_processes import lean

KINDS = "save", "best", "export", "scores", "record"


@pytest.mark.slow
def test_ten_killed_runs_end_as_if_nobody_had_interrupted_them(tmp_path):
    words = ["--kills", "10", "--kinds", *KINDS, "--iterations", "3"]
    done = subprocess.run(
        [sys.executable, "benchmarks/faults.py", *words, "--out", str(tmp_path)],
        cwd=ROOT,
        env=lean(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    total = [cell.strip() for cell in done.stdout.splitlines()[-1].split("|")[1:-1]]
    name, survived, _, best, equal, clean = total
    assert (name, survived) == ("all", "10 / 10")
    assert best == equal == clean == "10"
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 10
