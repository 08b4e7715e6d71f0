"""Videos, folders and cameras: times in order, and what is dropped is counted."""

import io
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout, suppress

import av
import numpy as np
import pytest
from av.error import ConnectionRefusedError as RefusedError

from mmseg_splashkd.datasets.timestamps import SECOND, TimestampFormat
from mmseg_splashkd.deploy.watch.camera_source import (
    CameraSource,
    is_camera,
    without_secrets,
)
from mmseg_splashkd.deploy.watch.clock import in_order
from mmseg_splashkd.deploy.watch.folder_source import FolderSource
from mmseg_splashkd.deploy.watch.source import (
    BACKWARDS,
    DAMAGED,
    LOST,
    REPEATED,
    TIMELESS,
    Moment,
    Problem,
    Source,
)
from mmseg_splashkd.deploy.watch.video_source import VideoSource
from tests.deploy.predict.fakes import write
from tests.deploy.watch.helpers import START, draw_folder, draw_video, picture
from tests.tools import status_of


def went(source: Source) -> tuple[list[float], Counter[str]]:
    """Seconds of the frames since the first drawn one, and reasons of the others."""
    seconds, reasons = [], Counter()
    for item in in_order(source.moments()):
        if isinstance(item, Problem):
            reasons[item.reason] += 1
        else:
            seconds.append(item.time_ns / SECOND - START)
    return seconds, reasons


def moment(time_ns: int) -> Moment:
    return Moment(time_ns, str(time_ns), lambda: picture(0))


def test_times_increase_and_the_rest_is_counted():
    times = [1, 2, 2, 5, 3, 5, 6]
    found = list(in_order(moment(time) for time in times))
    assert [each.time_ns for each in found if isinstance(each, Moment)] == [1, 2, 5, 6]
    reasons = [each.reason for each in found if isinstance(each, Problem)]
    assert reasons == [REPEATED, BACKWARDS, REPEATED]


# Videos


def test_frames_of_a_video_are_read_as_a_player_shows_them(tmp_path):
    source = VideoSource(draw_video(tmp_path / "a.mkv", [0, 40, 80, 120]))
    frames = [each.read() for each in source.moments() if isinstance(each, Moment)]
    assert source.count == 4
    for number, frame in enumerate(frames):
        assert frame.shape == (32, 48, 3)
        difference = frame.astype(int) - picture(number)
        assert np.abs(difference).mean() < 8


def test_a_damaged_video_goes_on_behind_the_damage(tmp_path):
    video = draw_video(tmp_path / "a.mkv", range(0, 4000, 40), codec="libx264")
    content = bytearray(video.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 60] = b"\xff" * 60
    video.write_bytes(content)
    seconds, reasons = went(VideoSource(video))
    assert reasons[DAMAGED] >= 1
    assert len(seconds) > 20
    assert seconds == sorted(seconds)


def test_a_video_that_ends_early_is_counted(tmp_path):
    video = draw_video(tmp_path / "a.mkv", range(0, 8000, 40))
    content = video.read_bytes()
    video.write_bytes(content[: len(content) // 2])
    seconds, reasons = went(VideoSource(video))
    assert 20 < len(seconds) < 180
    assert reasons[DAMAGED] == 1


def test_frames_of_a_video_without_time_or_out_of_order(tmp_path, monkeypatch):
    from mmseg_splashkd.deploy.watch import video_source

    times = iter([0, None, 1, 1, 3, 2, 4])
    monkeypatch.setattr(video_source, "elapsed", lambda _: next(times))
    video = draw_video(tmp_path / "a.mkv", range(0, 280, 40))
    seconds, reasons = went(VideoSource(video))
    assert seconds == [0, 1, 3, 4]
    assert reasons == {TIMELESS: 1, REPEATED: 1, BACKWARDS: 1}


def test_an_interlaced_video_says_how_to_convert_it(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "mmseg_splashkd.datasets.video_frames.HDR", dict.fromkeys(range(256), "PQ")
    )
    video = draw_video(tmp_path / "a.mkv", [0])
    with pytest.raises(ValueError, match=r"high dynamic range .* ffmpeg -i"):
        list(VideoSource(video).moments())


# Folders


@pytest.mark.parametrize(
    "names",
    [
        ["1714550400-000000000", "1714550402-500000000"],
        ["1714550400", "1714550402.5"],
        ["20240501T080000Z", "2024-05-01T10:00:02.5+02:00"],
    ],
)
def test_times_are_those_of_the_names(tmp_path, names):
    for name in names:
        write(tmp_path / f"{name}.png", picture(0))
    assert went(FolderSource(tmp_path)) == ([0, 2.5], {})


def test_another_format_is_named(tmp_path):
    for number in (9, 10):
        write(tmp_path / f"cam1_f{number}.png", picture(0))
    form = TimestampFormat("frame", "cam1_f(?P<stamp>[0-9]+)", fps=10, start=START)
    assert went(FolderSource(tmp_path, form))[0] == pytest.approx([0.9, 1.0])
    with pytest.raises(ValueError, match=r"cam1_f10' is not a time stamp"):
        FolderSource(tmp_path, TimestampFormat("frame", fps=10))


def test_odd_names_are_counted_and_damaged_pictures_raise_when_read(tmp_path):
    draw_folder(tmp_path, range(3))
    write(tmp_path / "thumbnail.png", picture(0))
    write(tmp_path / f"{START + 1}-000000000.jpg", picture(0))
    (tmp_path / f"{START + 3}-000000000.png").write_bytes(b"none")
    (tmp_path / "notes.txt").touch()
    seconds, reasons = went(FolderSource(tmp_path))
    assert seconds == [0, 1, 2, 3]
    assert reasons == {TIMELESS: 1, REPEATED: 1}
    *_, last = FolderSource(tmp_path).moments()
    assert isinstance(last, Moment)
    with pytest.raises(ValueError, match="cannot be read"):
        last.read()


def test_subfolders_follow_each_other_or_are_two_cameras(tmp_path):
    draw_folder(tmp_path / "9 am", range(5))
    draw_folder(tmp_path / "10 am", range(5, 8))
    assert went(FolderSource(tmp_path))[0] == [*range(8)]
    draw_folder(tmp_path / "10 am", [2])
    with pytest.raises(ValueError, match="of two cameras: watch each folder by itself"):
        FolderSource(tmp_path)


# Cameras


class EndsError(Exception):
    """The test has seen enough."""


class Clock:
    """Counts a second at each look, and notes how long it waited."""

    def __init__(self, connections: int) -> None:
        self.now, self.pauses, self.connections = START, [], connections

    def __call__(self) -> int:
        self.now += 1
        return self.now * SECOND

    def wait(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) == self.connections:
            raise EndsError


def watched(source: Source) -> tuple[int, list[Problem]]:
    """Number of frames, and problems, until the test has seen enough."""
    count, problems = 0, []
    with suppress(EndsError):
        for item in source.moments():
            if isinstance(item, Problem):
                problems.append(item)
            else:
                assert item.read().shape == (32, 48, 3)
                count += 1
    return count, problems


def test_a_camera_is_connected_to_again_after_longer_and_longer_pauses(tmp_path):
    file = draw_video(tmp_path / "a.mkv", [0, 40, 80])
    answers = iter([True, False, False, True, False])

    def connect(_: str):
        if not next(answers):
            raise RefusedError(111, "refused", "rtsp://u:p@cam/1")
        return av.open(str(file))

    clock = Clock(5)
    source = CameraSource("rtsp://u:p@cam/1", connect, clock, clock.wait)
    count, problems = watched(source)
    assert count == 6
    assert [each.reason for each in problems] == [LOST] * 5
    assert clock.pauses == [1, 2, 4, 1, 2]
    assert all("u:p" not in each.text for each in problems)
    assert "rtsp://cam/1: [Errno 111] refused" in problems[1].text
    assert source.identity == {"camera": "rtsp://cam/1"}


def test_times_of_a_camera_are_those_of_this_machine(tmp_path):
    file = draw_video(tmp_path / "a.mkv", [0, 40, 80])
    clock = Clock(1)
    source = CameraSource("x://y", lambda _: av.open(str(file)), clock, clock.wait)
    moments = (item for item in source.moments() if isinstance(item, Moment))
    times = [next(moments).time_ns for _ in range(3)]
    assert times == [(START + n) * SECOND for n in (1, 2, 3)]


def test_a_camera_that_gives_no_frame_at_first_is_an_error(tmp_path):
    with pytest.raises(
        ValueError, match=r"camera x://y gives no frame: .*No such file"
    ):
        list(CameraSource("x://y", lambda _: av.open("/none.mkv")).moments())
    empty = draw_video(tmp_path / "a.mp4", [])
    with pytest.raises(ValueError, match="camera x://y"):
        list(CameraSource("x://y", lambda _: av.open(str(empty))).moments())


def test_pyav_opens_addresses(model, tmp_path):
    """``file:`` stands for the network: the call ends by its span of time."""
    file = draw_video(tmp_path / "a.mkv", range(0, 400, 40))
    shown = io.StringIO()
    words = (model, f"file://{file}", "--out", tmp_path / "out", "--until", START)
    with redirect_stdout(shown), redirect_stderr(shown):
        assert status_of("watch.py", *words) == 2
    assert "times are of this machine, when a frame arrives" in shown.getvalue()
    words = (model, "file:///none", "--out", tmp_path / "other")
    with redirect_stdout(shown), redirect_stderr(shown):
        assert status_of("watch.py", *words) == 2
    assert "cannot watch: camera file:///none gives no frame" in shown.getvalue()


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("rtsp://host/stream", "rtsp://host/stream"),
        ("rtsp://user:pa@ss@host:554/a@b", "rtsp://host:554/a@b"),
        (
            "http://host/x?channel=1&Password=abc&n=2",
            "http://host/x?channel=1&Password=***&n=2",
        ),
        ("http://host/x?access_token=abc", "http://host/x?access_token=***"),
    ],
)
def test_secrets_of_an_address_are_not_kept(address, plain):
    assert without_secrets(address) == plain


def test_files_are_no_cameras(tmp_path):
    assert [is_camera(each) for each in ("rtsp://host", "/dev/null")] == [True] * 2
    assert [is_camera(each) for each in (str(tmp_path), "a.mp4")] == [False] * 2
