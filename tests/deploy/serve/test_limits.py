"""Uploads that are too large, too slow, broken off or too many."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.deploy import SplashModel
from mmseg_splashkd.deploy.serve.app import create_app
from mmseg_splashkd.deploy.serve.bounds import Bounds
from mmseg_splashkd.deploy.serve.guard import LOOPBACK
from mmseg_splashkd.deploy.serve.turns import Turns
from mmseg_splashkd.deploy.watch.source import Moment
from mmseg_splashkd.deploy.watch.video_source import VideoSource
from tests.deploy.predict.fakes import RedEngine, noise
from tests.deploy.serve.asgi import PATIENCE, Answer, ask, gone, pieces_of, scope_of
from tests.deploy.serve.helpers import (
    client_of,
    error_of,
    form_of,
    png_of,
    service_of,
)
from tests.deploy.watch.helpers import draw_video, picture
from tests.test_unwritable import limited

PICTURE = png_of(noise(8, 8))


def sent(root: Path, receive, bounds=None, path="/predict", **headers: str) -> Answer:
    """Send a form piece by piece."""
    service = service_of(**(bounds or {}))
    app = create_app(service, Turns(service.bounds.waiting), LOOPBACK, root)
    given = {"host": "127.0.0.1", "content-type": form_of({}, b"")[1], **headers}
    given = {name.replace("_", "-"): value for name, value in given.items()}
    return ask(app, scope_of(path, "POST", given.items()), receive)


# Bytes and seconds


def test_bytes_are_counted_without_a_length(tmp_path):
    body, _ = form_of({}, PICTURE)
    pieces = [body[start : start + 10] for start in range(0, len(body), 10)]
    most = {"upload_bytes": len(body)}
    assert sent(tmp_path, pieces_of(pieces), most).status == 200
    refused = sent(tmp_path, pieces_of(pieces), {"upload_bytes": len(body) - 1})
    assert refused.status == 413
    assert f"more bytes than the limit of {len(body) - 1}" in refused.text
    assert list(tmp_path.iterdir()) == []


def test_a_length_that_is_too_large_is_refused_before_it_is_sent(tmp_path):
    async def receive():
        pytest.fail("the body was asked for")

    headers = {"content_length": "1001", "expect": "100-continue"}
    refused = sent(tmp_path, receive, {"upload_bytes": 1000}, **headers)
    assert refused.status == 413


def test_a_length_that_lies_is_of_no_use(tmp_path):
    body, _ = form_of({}, PICTURE)
    headers = {"content_length": "1"}
    most = {"upload_bytes": len(body) - 1}
    assert sent(tmp_path, pieces_of([body]), most, **headers).status == 413


def test_a_refusal_does_not_wait_for_a_client_that_goes_on_for_ever(tmp_path):
    taken = 0

    async def receive():
        nonlocal taken
        taken += 2**16
        return {"type": "http.request", "body": bytes(2**16), "more_body": True}

    answer = sent(
        tmp_path, receive, {"upload_bytes": 1000}, transfer_encoding="chunked"
    )
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert taken <= 65 * 2**20


def test_an_upload_that_stalls_is_given_up(tmp_path):
    body, _ = form_of({}, PICTURE)

    async def never():
        await asyncio.Event().wait()

    async def receive():
        if not begun:
            begun.append(1)
            return {"type": "http.request", "body": body[:20], "more_body": True}
        return await never()

    begun: list[int] = []
    refused = sent(tmp_path, receive, {"upload_seconds": 0.05})
    assert refused.status == 408
    assert "the upload took more than 0.05 s" in refused.text
    assert list(tmp_path.iterdir()) == []


# Forms


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (form_of({}, None)[0], 422, "the form has no file: name the field 'file'"),
        (form_of({}, PICTURE)[0][:-6], 400, "the form ends early"),
        (b"no form", 400, "the form is damaged"),
        (form_of({"on": "1"}, PICTURE)[0], 422, "a field 'on': give only file"),
        (form_of({"file": "x"}, PICTURE)[0], 422, "the field 'file' twice: give one"),
        (form_of({"\x00'<b>": "x"}, PICTURE)[0], 422, "give only file"),
    ],
    ids=["no_file", "early_end", "damaged", "unknown", "two_files", "strange"],
)
def test_forms_that_cannot_be_are_refused(tmp_path, body, status, told):
    refused = sent(tmp_path, pieces_of([body]))
    assert refused.status == status
    assert told in refused.text
    assert list(tmp_path.iterdir()) == []


def test_a_form_may_come_byte_by_byte(tmp_path):
    body, _ = form_of({}, PICTURE)
    pieces = [body[n : n + 1] for n in range(len(body))]
    assert sent(tmp_path, pieces_of(pieces)).status == 200


@pytest.mark.parametrize(
    "kind", ["", "application/json", "multipart/form-data", "image/png"]
)
def test_other_bodies_are_refused(tmp_path, kind):
    refused = sent(tmp_path, pieces_of([PICTURE]), content_type=kind)
    assert refused.status == 415
    assert "curl -F file=@FILE" in refused.text


def test_a_full_drive_is_told_without_names(tmp_path):
    body, _ = form_of({}, png_of(noise(64, 64)))
    with limited(1000):
        refused = sent(tmp_path, pieces_of([body]))
    assert refused.status == 507
    assert str(tmp_path) not in refused.text
    assert list(tmp_path.iterdir()) == []


# Clients that go


def test_nothing_is_left_when_a_client_goes_while_it_sends(tmp_path):
    body, _ = form_of({}, PICTURE)

    async def receive():
        if not begun:
            begun.append(1)
            return {"type": "http.request", "body": body[:-9], "more_body": True}
        assert list(tmp_path.glob("upload_*/upload"))
        return await gone()

    begun: list[int] = []
    assert sent(tmp_path, receive).status == 499
    assert list(tmp_path.iterdir()) == []


def test_work_stops_when_its_client_is_gone(tmp_path, monkeypatch):
    """The video has no end, but that its client goes after three frames."""
    video = draw_video(tmp_path / "a.mkv", [0, 40]).read_bytes()
    root = tmp_path / "root"
    root.mkdir()
    predicted = threading.Event()

    def endless(_):
        number = 0
        while True:
            yield Moment(number * SECOND // 100, "x", lambda: picture(0))
            number += 1
            if number == 3:
                predicted.set()

    async def goes():
        await asyncio.to_thread(predicted.wait, PATIENCE)
        assert list(root.glob("upload_*/rows.csv"))
        return await gone()

    monkeypatch.setattr(VideoSource, "moments", endless)
    body, _ = form_of({}, video)
    most = {"video_frames": 10**9, "video_seconds": 1e9}
    answer = sent(root, pieces_of([body], goes), most, "/events")
    assert answer.status == 499
    assert list(root.iterdir()) == []


def test_work_of_a_client_that_is_gone_is_not_begun(tmp_path):
    engine = RedEngine()
    service = service_of(SplashModel(engine))
    turns = Turns(1)
    app = create_app(service, turns, LOOPBACK, tmp_path)
    ends = threading.Event()
    other = turns._worker.submit(ends.wait, PATIENCE)  # of another client
    body, kind = form_of({}, PICTURE)
    headers = {"host": "localhost", "content-type": kind}
    scope = scope_of("/predict", "POST", headers.items())
    assert ask(app, scope, pieces_of([body], gone)).status == 499
    assert not other.done()  # nor is it waited for
    assert list(tmp_path.iterdir()) == []
    ends.set()
    turns.close()
    assert engine.frames == 0


def test_the_end_of_the_server_ends_work(tmp_path):
    turns = Turns(1)
    service = service_of()
    client = client_of(tmp_path, service, turns)
    turns.ends.set()
    answer = client.post("/predict", files={"file": PICTURE})
    assert error_of(answer, 503) == "the server ends"


# Several clients


class SharedEngine(RedEngine):
    """Keeps the frame that it works on, as a network keeps its buffers."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.frame = np.zeros(0)
        self.is_first = True
        self.entered = threading.Event()

    def run(self, frames: np.ndarray):
        self.frame = frames
        if self.is_first:
            self.is_first = False
            end = time.monotonic() + PATIENCE
            while self.turns.held < 2:
                assert time.monotonic() < end
            # The other one is there; without a queue it would come in now.
            self.entered.wait(0.2)
        else:
            self.entered.set()
        assert self.frame is frames, "another request uses the model"
        return super().run(self.frame)


def test_answers_of_two_clients_at_once_are_not_mixed(tmp_path):
    turns = Turns(1)
    engine = SharedEngine(turns)
    client = client_of(tmp_path, service_of(SplashModel(engine)), turns)
    red = [np.full((6, 6 + n, 3), 255 * n, np.uint8) for n in (0, 1)]

    def post(frame: np.ndarray) -> dict:
        return client.post("/predict", files={"file": png_of(frame)}).json()

    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            engine.is_first = True
            engine.entered.clear()
            found = list(pool.map(post, red))
            assert [each["area"]["splash"] for each in found] == [0, 42]
            assert [each["width"] for each in found] == [6, 7]


class HeldEngine(RedEngine):
    """Waits until it may go on."""

    def __init__(self) -> None:
        self.runs, self.may_end = threading.Event(), threading.Event()

    def run(self, frames: np.ndarray):
        self.runs.set()
        assert self.may_end.wait(PATIENCE)
        return super().run(frames)


def test_more_requests_than_may_wait_are_asked_to_come_again(tmp_path):
    engine = HeldEngine()
    service = service_of(SplashModel(engine), waiting=0)
    client = client_of(tmp_path, service)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/predict", files={"file": PICTURE})
        assert engine.runs.wait(PATIENCE)
        assert client.get("/healthz").json()["requests"] == 1  # answers meanwhile
        second = client.post("/predict", files={"file": PICTURE})
        engine.may_end.set()
        assert first.result().status_code == 200
    assert "1 requests are there already: ask again in 5 s" in error_of(second, 503)
    assert second.headers["retry-after"] == "5"
    assert client.post("/predict", files={"file": PICTURE}).status_code == 200


def test_places_are_free_again_after_every_kind_of_end(tmp_path):
    client = client_of(tmp_path, service_of(waiting=0))
    for content, status in ((PICTURE, 200), (b"x", 422), (b"", 422), (PICTURE, 200)):
        answer = client.post("/predict", files={"file": content})
        assert answer.status_code == status
    assert client.get("/healthz").json()["requests"] == 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"upload_bytes": 0}, "--max-bytes 0: give a whole number from 1"),
        ({"video_frames": 0}, "--max-frames 0: give a whole number from 1"),
        ({"waiting": -1}, "--max-waiting -1: give a whole number from 0"),
        ({"video_seconds": float("nan")}, "--max-seconds nan: give seconds above 0"),
        ({"upload_seconds": 0}, "--max-upload-seconds 0: give seconds above 0"),
    ],
)
def test_limits_are_checked(given, told):
    with pytest.raises(ValueError, match=told):
        Bounds(**given)
