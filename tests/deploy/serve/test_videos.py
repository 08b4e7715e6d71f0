"""``POST /events`` beside ``tools/watch.py``, and videos that are none."""

import base64
import csv
import io
import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.deploy import SplashModel
from mmseg_splashkd.deploy.serve import bounded_source
from mmseg_splashkd.deploy.serve.bounded_source import BoundedSource
from mmseg_splashkd.deploy.serve.bounds import Bounds
from mmseg_splashkd.deploy.serve.refusal import GoneError, RefusedError
from mmseg_splashkd.deploy.watch.source import Moment, Problem
from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.limits import PIXELS
from tests.deploy.serve.helpers import (
    client_of,
    columns,
    error_of,
    png_of,
    red_file,
    service_of,
)
from tests.deploy.watch.helpers import H, W, draw_video, picture
from tests.tools import status_of

TIMES = range(0, 40 * 40, 40)


@pytest.fixture
def video(tmp_path) -> Path:
    return draw_video(tmp_path / "pond.mkv", TIMES)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"on": "0.05", "off": "0.03", "min_seconds": "0", "gap_seconds": "0.1"},
        {"every": "0.08", "min_seconds": "0", "start": "2024-05-01T10:00:00+02:00"},
        {"class": "background", "on": "0.9", "off": "0.9"},
    ],
    ids=["defaults", "settings", "every", "class"],
)
def test_events_are_those_of_the_tool(tmp_path, video, fields):
    file = red_file(tmp_path / "red.onnx")
    out, root = tmp_path / "out", tmp_path / "root"
    root.mkdir()
    options = [f"--{name.replace('_', '-')}={value}" for name, value in fields.items()]
    assert status_of("watch.py", file, video, "--out", out, *options) == 0

    client = client_of(root, service_of(SplashModel.load(file)))
    found = client.post(
        "/events?files=true",
        data={**fields, "recording": "pond"},
        files={"file": video.read_bytes()},
    ).json()
    for name in ("rows.csv", "events.csv", "timeline.svg"):
        assert found["files"][name] == (out / name).read_text(), name
    expected = list(csv.DictReader(io.StringIO((out / "events.csv").read_text())))
    assert found["events"] == [columns(row) for row in expected]
    assert found["settings"] == EventSettings.read(out / "events.json").as_json()
    count = len((out / "rows.csv").read_text().splitlines()) - 1
    assert found["rows"] == count
    assert found["read"] == 40
    assert found["left_out"] == 40 - count
    assert found["dropped"] == {}
    assert list(root.iterdir()) == []


def test_the_frame_with_the_largest_share_is_shown(tmp_path, video):
    found = client_of(tmp_path / "..").post(
        "/events?files=true", files={"file": video.read_bytes()}
    )
    largest = found.json()["largest"]
    assert largest["time"] == "2024-05-01T08:00:00.160000000Z"  # frame 4, of 12 x 12
    assert largest["share"] == pytest.approx(144 / (H * W), rel=0.1)
    png = base64.b64decode(found.json()["files"]["overlay.png"])
    shown = np.asarray(Image.open(io.BytesIO(png)))
    assert shown.shape == (H, W, 3)
    # Splash is painted over red; everything else is water.
    inside = shown[10:18, 10:18].reshape(-1, 3).mean(0)
    assert inside[0] > shown[25:, 25:].reshape(-1, 3).mean(0)[0] + 50


def test_without_files_the_answer_is_small(tmp_path, video):
    answer = client_of(tmp_path).post("/events", files={"file": video.read_bytes()})
    assert "files" not in answer.json()
    assert len(answer.content) < 5000
    assert answer.json()["events"][0]["recording"] == "video"


def test_what_is_dropped_is_counted_and_told(tmp_path):
    content = bytearray(draw_video(tmp_path / "a.mkv", TIMES).read_bytes())
    content[len(content) // 2 :] = b""
    (tmp_path / "a.mkv").write_bytes(content)
    found = client_of(tmp_path).post("/events", files={"file": bytes(content)}).json()
    assert 0 < found["rows"] < 40
    assert sum(found["dropped"].values()) == len(found["problems"]) > 0
    assert found["rows"] + sum(found["dropped"].values()) == found["read"]
    assert all(text.startswith("damaged: upload") for text in found["problems"])


# What is refused


def of_no_frame(path: Path) -> bytes:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height = W, H
        stream.pix_fmt = "yuv420p"
        container.start_encoding()
    return path.read_bytes()


def of_sound(path: Path) -> bytes:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        frame.rate = 8000
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda _: b"", "the file is empty"),
        (lambda _: b"no video at all", "video upload cannot be opened"),
        (lambda _: png_of(picture(3)), "it is no file that holds a video itself"),
        (of_no_frame, ""),
        (of_sound, "upload has no video stream"),
    ],
    ids=["empty", "text", "picture", "no_frame", "sound"],
)
def test_what_is_no_video_is_refused(tmp_path, make, told):
    content, root = make(tmp_path / "a.mp4"), tmp_path / "root"
    root.mkdir()
    answer = client_of(root).post("/events", files={"file": content})
    assert told in error_of(answer, 422)
    assert list(root.iterdir()) == []


def test_a_playlist_reads_no_file_of_the_server(tmp_path):
    """HLS, concat and SDP name files or addresses to open."""
    secret = draw_video(tmp_path / "secret.ts", TIMES)
    lists = (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{secret}\n#EXT-X-ENDLIST\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:{secret}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile secret.ts\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=video 5000 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    )
    for text in lists:
        answer = client_of(tmp_path).post("/events", files={"file": text.encode()})
        assert "video upload cannot be opened" in error_of(answer, 422)


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        ({"video_frames": 39}, "the video has more frames than the limit of 39"),
        ({"video_seconds": 1.5}, "the video lasts longer than the limit of 1.5 s"),
    ],
)
def test_a_video_that_is_too_long_is_refused_by_its_header(
    tmp_path, video, bounds, told, monkeypatch
):
    monkeypatch.setattr(BoundedSource, "moments", lambda _: pytest.fail("decoded"))
    answer = client_of(tmp_path, service_of(**bounds)).post(
        "/events", files={"file": video.read_bytes()}
    )
    assert told in error_of(answer, 413)


@pytest.mark.parametrize("bounds", [{"video_frames": 39}, {"video_seconds": 1.5}])
def test_also_where_the_header_says_less(tmp_path, video, bounds, monkeypatch):
    """The header is believed to be that of a video of one frame."""
    short = bounded_source.read_header(draw_video(tmp_path / "one.mkv", [0]))
    monkeypatch.setattr(bounded_source, "read_header", lambda _: short)
    client = client_of(tmp_path, service_of(**bounds))
    answer = client.post("/events", files={"file": video.read_bytes()})
    error_of(answer, 413)


def test_a_video_at_its_limits_is_taken(tmp_path, video):
    client = client_of(tmp_path, service_of(video_frames=40, video_seconds=1.6))
    answer = client.post("/events", files={"file": video.read_bytes()})
    assert answer.json()["rows"] == 40


class Endless:
    """A source without end, whose times go forward by a second, or not at all."""

    def __init__(self, step: int) -> None:
        self.step = step

    def moments(self):
        time = 0
        while True:
            yield (
                Moment(time, "x", lambda: picture(0)) if self.step else Problem("a", "")
            )
            time += self.step


@pytest.mark.parametrize(
    ("step", "bounds", "taken"),
    [
        (SECOND, Bounds(video_frames=7), 7),
        (SECOND, Bounds(video_seconds=3), 4),
        (-SECOND, Bounds(video_seconds=3), 4),
        (0, Bounds(video_frames=7), 7),
    ],
)
def test_a_source_without_end_ends(step, bounds, taken):
    source = BoundedSource(Endless(step), bounds, lambda: False)  # pyright: ignore
    items = []
    with pytest.raises(RefusedError, match="limit of"):
        items.extend(iter_into(items, source))
    assert len(items) == taken


def iter_into(items: list, source: BoundedSource):
    for item in source.moments():
        items.append(item)
    return ()


def test_a_source_stops_when_it_is_told(tmp_path):
    asked = iter([False, False, True])
    source = BoundedSource(Endless(SECOND), Bounds(), lambda: next(asked))  # pyright: ignore
    items: list = []
    with pytest.raises(GoneError):
        iter_into(items, source)
    assert len(items) == 2


def test_pixels_that_are_stretched_are_counted_as_shown(tmp_path):
    """48x32 pixels that are each 20 times as wide as high."""
    path = tmp_path / "wide.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(20, 1)
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with PIXELS.held_at(20 * W * H):
        answer = client_of(tmp_path).post("/events", files={"file": path.read_bytes()})
        assert answer.json()["rows"] == 3
    with PIXELS.held_at(20 * W * H - 1):
        answer = client_of(tmp_path).post("/events", files={"file": path.read_bytes()})
    told = f"the upload has {20 * W * H} pixels, more than the limit of"
    assert error_of(answer, 413).startswith(told)


# Fields


@pytest.mark.parametrize("name", ["on", "off", "min_seconds", "gap_seconds"])
@pytest.mark.parametrize("value", ["nan", "inf", "-1", "2e9"])
def test_settings_are_refused_as_by_the_settings(tmp_path, video, name, value):
    """With the words of ``EventSettings``, where that refuses the value."""
    try:
        EventSettings(**{name: float(value)})
    except ValueError as error:
        expected = str(error)
    else:
        assert name in ("min_seconds", "gap_seconds")
        assert math.isfinite(float(value))
        return
    answer = client_of(tmp_path).post(
        "/events", data={name: value}, files={"file": video.read_bytes()}
    )
    assert error_of(answer, 422) == expected


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"on": "much"}, "on='much': give a number"),
        ({"on": ""}, "on='': give a number"),
        ({"on": "0.0005"}, "off=0.001: give a share in (0, on=0.0005]"),
        ({"threshold": "1"}, "the form has a field 'threshold': give only file, class"),
        ({"class": "fish"}, "class 'fish' is none of the classes of the model"),
        ({"every": "0"}, "every '0' must be seconds above 0"),
        ({"every": "nan"}, "every 'nan' is not a number of seconds"),
        ({"recording": "x" * 1001}, "recording has more than 1000 bytes: shorten it"),
        ({"start": "yesterday"}, "'yesterday'"),
    ],
)
def test_fields_that_cannot_be_are_refused(tmp_path, video, fields, told):
    answer = client_of(tmp_path).post(
        "/events", data=fields, files={"file": video.read_bytes()}
    )
    assert told in error_of(answer, 422)
