"""The annotated video keeps times, and plays whatever ended it."""

import shutil
import signal
from contextlib import closing
from fractions import Fraction

import av
import numpy as np
import pytest

from mmseg_splashkd.datasets.label_coding import SPLASH
from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.datasets.video_frames import elapsed
from mmseg_splashkd.deploy.watch import annotate
from mmseg_splashkd.deploy.watch.annotate import AnnotatedVideo
from mmseg_splashkd.deploy.watch.source import Moment
from mmseg_splashkd.deploy.watch.video_source import VideoSource
from mmseg_splashkd.evaluation.overlay import overlay
from mmseg_splashkd.unwritable import UnwritableError
from tests.deploy.watch.helpers import START, draw_folder, draw_video, picture
from tests.deploy.watch.test_ends import at_frame, watch
from tests.test_unwritable import limited

TIMES = [0, 40, 80, 130, 200, 240, 1000, 1040]  # milliseconds


def read(path) -> tuple[list[int], list[np.ndarray]]:
    """Times in nanoseconds, and frames."""
    times, frames = [], []
    for each in VideoSource(path).moments():
        if isinstance(each, Moment):  # a killed one says that it ends early
            times.append(each.time_ns)
            frames.append(each.read())
    return times, frames


@pytest.mark.parametrize("codec", annotate.CODECS)
def test_times_and_classes_are_kept(model, tmp_path, monkeypatch, codec):
    monkeypatch.setattr(annotate, "CODECS", (codec,))
    video = draw_video(tmp_path / "a.mkv", TIMES)
    out = tmp_path / "painted" / "b.mp4"
    watch(model, video, "--out", tmp_path / "out", "--annotate", out)
    times, frames = read(out)
    assert times == [START * SECOND + time * 10**6 for time in TIMES]
    for number, frame in enumerate(frames):
        clear = picture(number)
        painted = overlay(clear, (clear[..., 0] > 127).astype(np.uint8), SPLASH.palette)
        assert np.abs(frame.astype(int) - painted).mean() < 16
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec.name.startswith(("h264", "mpeg4"))


def test_ntsc_frame_rates_are_exact(tmp_path):
    video = AnnotatedVideo(tmp_path / "a.mp4")
    exact = [n * Fraction(1001, 30000) for n in range(5)]
    for time in exact:
        video.add(round(time * SECOND), picture(3))
    video.close()
    times = []
    with av.open(str(video.path)) as container:
        for frame in container.decode(video=0):
            times.append(elapsed(frame))
    assert times == exact


def test_odd_sizes_and_changes_of_size(tmp_path):
    video = AnnotatedVideo(tmp_path / "a.mp4")
    for number, size in enumerate([(33, 49), (32, 48), (64, 96)]):
        video.add(number, picture(4, size))  # closer than the times of the file
    video.close()
    times, frames = read(video.path)
    assert {frame.shape for frame in frames} == {(32, 48, 3)}
    assert len(set(times)) == 3


def test_a_video_that_is_there_is_not_replaced(model, tmp_path, capsys):
    frames = draw_folder(tmp_path / "frames", range(3))
    there = draw_video(tmp_path / "a.mp4", TIMES)
    content = there.read_bytes()
    watch(model, frames, "--out", tmp_path / "out", "--annotate", there, status=2)
    assert "a.mp4 exists: name another file by --annotate" in capsys.readouterr().err
    assert there.read_bytes() == content


@pytest.mark.usefixtures("default_signals")
def test_a_second_call_goes_on_in_a_second_file(model, tmp_path, capsys):
    frames = draw_folder(tmp_path / "frames", range(12))
    words = (model, frames, "--out", tmp_path / "out", "--annotate")
    patch = at_frame(7, lambda: signal.raise_signal(signal.SIGINT))
    watch(*words, tmp_path / "a.mp4", status=130)
    patch.undo()
    watch(*words, tmp_path / "a.mp4")
    assert f"Annotated: {tmp_path / 'a_2.mp4'}" in capsys.readouterr().out
    parts = [read(tmp_path / name)[0] for name in ("a.mp4", "a_2.mp4")]
    assert parts == [
        [(START + n) * SECOND for n in range(7)],
        [(START + n) * SECOND for n in range(7, 12)],
    ]


def test_a_killed_video_plays_up_to_its_last_whole_fragment(model, tmp_path):
    """What lies on the drive while a frame is predicted is what a kill leaves."""
    video = draw_video(tmp_path / "a.mkv", range(0, 12_000, 40))
    out, left = tmp_path / "b.mp4", tmp_path / "left.mp4"
    patch = at_frame(250, lambda: shutil.copy(out, left))
    watch(model, video, "--out", tmp_path / "out", "--annotate", out)
    patch.undo()
    for file, least, most in ((left, 100, 250), (out, 300, 300)):
        times, _ = read(file)
        assert least <= len(times) <= most
        expected = [START * SECOND + n * 40 * 10**6 for n in range(len(times))]
        assert times == expected


def test_a_full_drive_is_named(tmp_path):
    video = AnnotatedVideo(tmp_path / "a.mp4")
    random = np.random.default_rng(0)

    def write() -> None:
        with closing(video):
            for number in range(200):
                noise = random.integers(0, 256, (64, 64, 3)).astype(np.uint8)
                video.add(number * SECOND, noise)

    with limited(20_000), pytest.raises(UnwritableError, match=r"a.mp4 cannot be writ"):
        write()
