"""Import, training and test with local weights ask nothing of a network."""

import subprocess
import sys

import pytest

from tests.conftest import BEST, PLAIN, ROOT, tiny_run

# Raises in whatever asks for an address or a connection; sockets of a file are of the
# worker processes of a data loader.
PROGRAM = """
import sys

ASKED = []

def refuse(event, arguments):
    names = ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
    connects = event == "socket.connect" and not isinstance(arguments[1], (str, bytes))
    if event in names or connects:
        ASKED.append((event, arguments))
        raise ConnectionRefusedError(f"{event} {arguments}")

sys.addaudithook(refuse)
import mmseg_splashkd
from mmseg_splashkd.runs.test import evaluate
from mmseg_splashkd.runs.train import train

config, work_dir, options, weights = sys.argv[1], sys.argv[2], *map(eval, sys.argv[3:])
folder = train(config, work_dir, cfg_options=options)
evaluate(config, weights, work_dir + "/test", cfg_options=options)
assert not ASKED, ASKED
import socket
try:
    socket.create_connection(("127.0.0.1", 9), 1)
except ConnectionRefusedError as error:
    assert "socket." in str(error), "the sockets are open"
print("closed", len(ASKED))
"""


@pytest.mark.slow
def test_a_run_with_closed_sockets(pond, teacher, tmp_path):
    (weights,) = teacher.glob(BEST)
    start: dict = {
        "type": "Pretrained",
        "checkpoint": str(weights),
        "prefix": "backbone.",
    }
    start["_delete_"] = True  # the config has None there
    options = tiny_run(pond, "model") | {"model.backbone.init_cfg": start}
    given = (PLAIN, tmp_path / "run", repr(options), repr(str(weights)))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, given)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "closed 1"
