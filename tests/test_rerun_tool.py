"""Records from the command line: runs that are killed, stopped, repeated."""

import re
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_splashkd.records import LEDGER, read_ledger
from mmseg_splashkd.records.ledger import add_record
from mmseg_splashkd.runs.train import train
from tests.conftest import PLAIN, ROOT, tiny_run
from tests.records.builders import record
from tests.test_tools import call, write_config

pytestmark = pytest.mark.slow
ENDLESS = 10**6  # iterations


def start(config: Path, *arguments: object) -> subprocess.Popen:
    """Begin to train; return when four iterations are done."""
    command = [sys.executable, "-u", "tools/train.py", config, *arguments]
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seen = ""
    for line in process.stdout or ():
        seen += line
        found = re.search(r"Iter\(train\) \[ *(\d+)/", line)
        if found and int(found[1]) % 4 == 0:
            return process
    raise AssertionError(seen)


def end(process: subprocess.Popen, how: signal.Signals) -> str:
    process.send_signal(how)
    text, _ = process.communicate()
    return text


def test_killed_run_is_found_when_it_goes_on_and_sigterm_stops_it(pond, tmp_path):
    options = tiny_run(pond, "model", iterations=ENDLESS)
    config = write_config(tmp_path / "tiny.py", "segformer_b0_pond.py", options)
    where = ("--work-dir", tmp_path / "run")
    end(start(config, *where, "--name", "mine"), signal.SIGKILL)
    assert not read_ledger(tmp_path)
    process = start(config, *where, "--resume")
    told = end(process, signal.SIGTERM)
    assert process.returncode == 143
    assert told.splitlines()[-1].startswith("stopped; --resume goes on")
    killed, stopped = read_ledger(tmp_path)
    assert [killed["how"], stopped["how"]] == ["killed", "stopped"]
    assert (stopped["why"], stopped["resumed"]) == ("SIGTERM", True)
    assert killed["run"] == stopped["run"] == "mine"
    assert killed["id"] != stopped["id"]
    assert 2 <= killed["iteration"] < stopped["iteration"] < ENDLESS
    for line in (killed, stopped):
        assert line["metrics"]["last"]["mIoU"] > 0
        assert line["weights"]["last"]["sha256"]


def test_run_is_repeated_from_a_file_with_its_line(pond, tmp_path):
    train(PLAIN, tmp_path / "run", cfg_options=tiny_run(pond, "model"), name="plain")
    line = tmp_path / "elsewhere" / "line.json"
    line.parent.mkdir()
    line.write_text((tmp_path / LEDGER).read_text())
    done = call(sys.executable, "tools/rerun.py", line)
    assert done.returncode == 0, done.stderr
    assert "The weights are bit-equal to the recorded ones" in done.stdout
    assert (line.parent / "plain_rerun" / "config.py").is_file()


def test_unknown_run_ends_with_those_that_there_are(tmp_path, monkeypatch, capsys):
    add_record(tmp_path / LEDGER, record())
    arguments = ["rerun.py", str(tmp_path), "--run", "nobody"]
    monkeypatch.setattr(sys, "argv", arguments)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "tools" / "rerun.py"), run_name="__main__")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("cannot repeat: --run nobody: ")
    assert told.endswith("has no such run, but run0\n")
