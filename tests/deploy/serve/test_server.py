"""``tools/serve.py`` as a process, over real connections."""

import io
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
import pytest

from mmseg_splashkd.deploy.serve.bounds import Bounds
from tests.conftest import ROOT
from tests.deploy.predict.fakes import noise, write
from tests.deploy.serve.helpers import form_of, png_of, red_file
from tests.deploy.watch.helpers import draw_video
from tests.lean_processes import lean
from tests.tools import status_of
from tools.serve import BOUNDS

PATIENCE = 120.0
MOST = 2_000_000  # bytes of an upload


class Running(NamedTuple):
    """A server in a process of its own."""

    process: subprocess.Popen
    url: str
    folder: Path  # of temporary files


@contextmanager
def started(model: Path, folder: Path) -> Iterator[Running]:
    folder.mkdir()
    words = [sys.executable, "tools/serve.py", str(model), "--port", "0"]
    words += ["--max-bytes", str(MOST), "--threads", "1"]
    # A job in the background ignores it, and so would its processes.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            env=lean(TMPDIR=str(folder), OMP_NUM_THREADS="1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.stdout is not None
    with process:
        try:
            lines = [process.stdout.readline() for _ in range(2)]
            assert lines[0].startswith("A pixel is splash where")
            assert lines[1].startswith("Page: http://127.0.0.1:")
            yield Running(process, lines[1].split()[1], folder)
        finally:
            process.kill()  # if a test has failed


def ended(running: Running) -> tuple[int, str]:
    """Exit status and standard error; nothing of its uploads is left."""
    _, told = running.process.communicate(timeout=PATIENCE)
    assert list(running.folder.glob("splashkd_*")) == []
    return running.process.returncode, told


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return red_file(tmp_path_factory.mktemp("model") / "red.onnx")


@pytest.fixture(scope="module")
def running(model, tmp_path_factory) -> Iterator[Running]:
    with started(model, tmp_path_factory.mktemp("served") / "files") as server:
        yield server


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    end, never = time.monotonic() + PATIENCE, threading.Event()
    while not condition():
        assert time.monotonic() < end
        never.wait(0.01)


@pytest.mark.slow
def test_pictures_of_clients_at_once_are_answered_apart(running):
    frames = [noise(8 + n, 9, n) for n in range(8)]

    def post(frame: np.ndarray) -> httpx.Response:
        files = {"file": png_of(frame)}
        while True:
            answer = httpx.post(f"{running.url}predict", files=files, timeout=PATIENCE)
            if answer.status_code != 503:
                return answer

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(post, frames))
    for frame, answer in zip(frames, answers, strict=True):
        assert answer.json()["height"] == len(frame)
        assert answer.json()["area"]["splash"] == (frame[..., 0] >= 128).sum()
        assert "server" not in answer.headers


@pytest.mark.slow
def test_an_upload_without_length_is_ended_at_the_limit(running):
    """It would go on for ever."""
    host, port = running.url.split("/")[2].split(":")
    body, kind = form_of({}, bytes(2**16))
    head = (
        f"POST /predict HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: {kind}\r\n"
        f"Transfer-Encoding: chunked\r\n\r\n"
    )
    sent = 0
    with socket.create_connection((host, int(port)), PATIENCE) as client:
        client.sendall(head.encode())
        piece = body[:-9]
        try:
            while True:
                client.sendall(b"%x\r\n" % len(piece) + piece + b"\r\n")
                sent, piece = sent + len(piece), bytes(2**16)
        except OSError:
            pass  # the server has closed the connection
        answer = b""
        try:
            while more := client.recv(2**16):
                answer += more
        except OSError:
            pass
    assert MOST < sent < 100 * MOST  # what the buffers on the way hold, too
    assert not answer or answer.startswith(b"HTTP/1.1 413 ")
    assert httpx.get(f"{running.url}healthz").json()["requests"] == 0
    until(lambda: not list(running.folder.glob("splashkd_*/*")))


@pytest.mark.slow
def test_a_refusal_reaches_a_client_that_has_sent_all(running):
    files = {"file": bytes(MOST)}
    answer = httpx.post(f"{running.url}predict", files=files, timeout=PATIENCE)
    assert answer.status_code == 413
    told = f"the upload has more bytes than the limit of {MOST}"
    assert answer.json()["error"].startswith(told)


@pytest.mark.slow
def test_a_client_that_hangs_up_leaves_nothing(running):
    host, port = running.url.split("/")[2].split(":")
    body, kind = form_of({}, bytes(1000))
    with socket.create_connection((host, int(port)), PATIENCE) as client:
        head = f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\n"
        client.sendall(f"{head}Content-Length: {2 * len(body)}\r\n\r\n".encode() + body)
        until(lambda: bool(list(running.folder.glob("*/upload_*/upload"))))
    until(lambda: not list(running.folder.glob("splashkd_*/*")))
    assert httpx.get(f"{running.url}healthz").json()["requests"] == 0


@pytest.mark.slow
def test_a_port_in_use_is_told(running, model):
    port = running.url.rstrip("/").rpartition(":")[2]
    told = refused(model, "--port", port)
    assert f"port {port} of 127.0.0.1 is in use by another program" in told


@pytest.mark.slow
def test_sigterm_ends_what_is_worked_on(running, tmp_path):
    """The last test of this server: a video of 3,000 frames is not finished."""
    video = draw_video(tmp_path / "a.mkv", range(0, 120_000, 40)).read_bytes()
    assert len(video) < MOST
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(
            httpx.post,
            f"{running.url}events",
            files={"file": video},
            timeout=PATIENCE,
        )
        until(lambda: any(p.stat().st_size > 200 for p in tables(running)))
        running.process.send_signal(signal.SIGTERM)
        assert answer.result().status_code == 503
        assert answer.result().json() == {"error": "the server ends"}
    assert ended(running) == (128 + signal.SIGTERM, "interrupted\n")


def tables(running: Running) -> list[Path]:
    return list(running.folder.glob("*/upload_*/rows.csv"))


@pytest.mark.slow
def test_ctrl_c_ends(model, tmp_path):
    with started(model, tmp_path / "files") as server:
        assert httpx.get(f"{server.url}healthz").json()["model"] == "red"
        (root,) = server.folder.glob("splashkd_*")
        assert root.stat().st_mode & 0o077 == 0  # nobody else reads uploads
        server.process.send_signal(signal.SIGINT)
        assert ended(server) == (128 + signal.SIGINT, "interrupted\n")


# The command line


def refused(*words: object) -> str:
    """The message of a call that serves nothing."""
    shown = io.StringIO()
    with redirect_stderr(shown), redirect_stdout(shown):
        assert status_of("serve.py", *words) == 2
    return shown.getvalue()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--host", "0.0.0.0"), "name by --allow-host what they call this one"),
        (("--port", "70000"), "--port 70000: give a number from 0"),
        (("--on", "nan"), "on=nan: give a share of the pixels in (0, 1]"),
        (("--max-bytes", "0"), "--max-bytes 0: give a whole number from 1"),
        (("--max-pixels", "0"), "--max-pixels 0: give a whole number from 1"),
        (("--max-seconds", "inf"), "--max-seconds inf: give seconds above 0"),
        (("--class", "fish"), "--class 'fish' is none of the classes of the model"),
        (("--threads", "0"), "threads=0 must be at least 1"),
        (("--engine", "tpu"), "engine 'tpu' is none of onnxruntime"),
        (("--engine", "auto"), "--engine auto measures pictures: name some by --sampl"),
        (("--samples", "x"), "--samples has no effect without --engine auto"),
    ],
)
def test_bad_options_are_refused(model, words, told):
    shown = refused(model, "--port", 0, *words)
    assert shown.startswith("cannot serve: ")
    assert told in shown


def test_a_model_that_is_none_is_refused(tmp_path):
    shown = refused(tmp_path / "none.onnx", "--port", 0)
    assert f"{tmp_path / 'none.onnx'} does not exist" in shown


def test_the_engine_may_be_chosen_on_samples(model, tmp_path, monkeypatch, capsys):
    from mmseg_splashkd.deploy.serve import command

    class Unserved:
        def run(self, sockets):
            assert len(sockets) == 1

    monkeypatch.setattr(command, "server_of", lambda *_: Unserved())
    write(tmp_path / "a.png", noise(8, 8))
    words = ("--engine", "auto", "--samples", tmp_path)
    assert status_of("serve.py", model, "--port", 0, *words) == 0
    assert "<- chosen" in capsys.readouterr().out


def test_limits_of_the_tool_are_those_of_the_package():
    given = {name: kind(3) for name, kind, _ in BOUNDS.values()}
    assert set(given) == set(Bounds.__dataclass_fields__)
    assert Bounds(**given) == Bounds(3, 3.0, 3.0, 3, 3)
    defaults = Bounds()
    for name, _, text in BOUNDS.values():
        told = text.rpartition("(default: ")[2].rstrip(")").replace(" MiB", "")
        value = getattr(defaults, name)
        assert float(told) in (value, value / 2**20)


def test_the_error_without_the_extra_names_it(monkeypatch):
    for name in [n for n in sys.modules if n.startswith("mmseg_splashkd.deploy.serve")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "python_multipart", None)
    told = r"pages over HTTP need python_multipart.*\.\[serve\]"
    with pytest.raises(ImportError, match=told):
        __import__("mmseg_splashkd.deploy.serve.command")
