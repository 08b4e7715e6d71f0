import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from mmseg_splashkd.datasets.converters import layout
from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.video import count_frames, read_video
from mmseg_splashkd.datasets.converters.writer import write_items
from mmseg_splashkd.datasets.label_coding import SPLASH
from mmseg_splashkd.datasets.split_table import read_table

W, H = 64, 48
START = 1_714_550_400  # 2024-05-01 08:00:00 UTC
SECOND = 10**9
MILLISECOND = Fraction(1, 1000)
VARIABLE = [0, 40, 80, 130, 200, 240, 1000, 1040]  # milliseconds


def picture(number: int) -> np.ndarray:
    """Draw a frame that encodes its number, with a red corner at the top left."""
    rgb = np.full((H, W, 3), 20 + 20 * (number % 10), np.uint8)
    rgb[:16, :16] = (255, 0, 0)
    return rgb


def write_video(
    path: Path,
    pts: Sequence[int] = VARIABLE,
    time_base: Fraction = MILLISECOND,
    created: str | None = "2024-05-01T08:00:00.250000Z",
    noise: bool = False,
    rate: int | Fraction = 25,
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as container:
        if created:
            container.metadata["creation_time"] = created
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
        stream.time_base = stream.codec_context.time_base = time_base
        for number, time in enumerate(pts):
            rgb = picture(number)
            if noise:
                draw = np.random.default_rng(number)
                rgb = draw.integers(0, 256, (H, W, 3)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = time, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def cut_off(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def draw(item: Item) -> np.ndarray:
    assert not isinstance(item.image, Path)
    rgb = item.image()
    assert rgb.dtype == np.uint8
    return rgb


def numbers(items: Sequence[Item]) -> list[int]:
    """Decode the numbers of the drawn frames from their gray values."""
    return [round((draw(item)[40, 40].mean() - 20) / 20) for item in items]


def milliseconds(items: Sequence[Item]) -> list[float]:
    return [(item.timestamp - START * SECOND) / 10**6 for item in items]


# Times


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("offset", [0, 500])
def test_times_are_relative_to_the_first_frame(
    tmp_path: Path, suffix: str, offset: int
):
    pts = [time + offset for time in VARIABLE]
    items = list(read_video(write_video(tmp_path / f"a{suffix}", pts), start=START))
    assert milliseconds(items) == VARIABLE
    assert {item.recording for item in items} == {"a"}
    assert all(item.label is None for item in items)
    assert numbers(items) == [*range(8)]


def test_times_of_a_fractional_frame_rate_are_exact(tmp_path: Path):
    base = Fraction(1001, 30000)
    path = write_video(tmp_path / "a.mp4", range(50), base)
    items = list(read_video(path, start=START))
    exact = [START * SECOND + round(n * base * SECOND) for n in range(50)]
    assert [item.timestamp for item in items] == exact
    assert exact[1] == START * SECOND + 33_366_667


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (None, START * SECOND + SECOND // 4),
        (START, START * SECOND),
        (START + 0.5, START * SECOND + SECOND // 2),
        (f"{START}-000000007", START * SECOND + 7),
        ("2024-05-01 08:00:00", START * SECOND),
        ("2024-05-01T10:00:00.125+02:00", START * SECOND + SECOND // 8),
        ({"a": START}, START * SECOND),
    ],
)
def test_start(tmp_path: Path, start: float | str | dict | None, expected: int):
    items = read_video(write_video(tmp_path / "a.mkv"), start=start)
    assert next(iter(items)).timestamp == expected


def test_a_video_without_a_start_time_is_rejected_before_decoding(tmp_path: Path):
    path = write_video(tmp_path / "a.mkv", created=None)
    with pytest.raises(ValueError, match=r"a.mkv has no creation_time: set start="):
        read_video(path)


# Which frames


def test_every_nth_frame(tmp_path: Path):
    path = write_video(tmp_path / "a.mp4")
    items = list(read_video(path, every=3, start=START))
    assert milliseconds(items) == [0, 130, 1000]
    assert numbers(items) == [0, 3, 6]


def test_seconds_between_frames(tmp_path: Path):
    """The first frames at or after 0, 0.1, 0.2, ... seconds, if there is one."""
    path = write_video(tmp_path / "a.mp4")
    items = list(read_video(path, seconds_between="0.1", start=START))
    assert milliseconds(items) == [0, 130, 200, 1000]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 2, "seconds_between": 1}, "not both"),
        ({"every": 0}, "every=0"),
        ({"seconds_between": 0}, "seconds_between=0 must be above 0"),
        ({"seconds_between": "often"}, "seconds_between='often'"),
    ],
)
def test_invalid_steps_are_rejected_before_decoding(
    tmp_path: Path, options: dict, message: str
):
    with pytest.raises(ValueError, match=message):
        read_video(tmp_path, **options)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_frame_count_is_estimated_from_the_header(tmp_path: Path, suffix: str):
    path = write_video(tmp_path / f"a{suffix}", range(0, 2000, 40))
    assert count_frames(path) == 50
    assert count_frames(path, every=7) == 8
    assert count_frames(tmp_path, seconds_between="0.3") == 7
    assert len(list(read_video(path, seconds_between="0.3"))) == 7


# Pictures


def test_frames_can_be_read_in_any_order(tmp_path: Path):
    paths = [write_video(tmp_path / f"{name}.mp4") for name in "ab"]
    items = list(read_video(tmp_path, start=dict.fromkeys("ab", START)))
    assert len(items) == 2 * len(VARIABLE)
    for i in (3, 12, 5, 5, 1, 15, 0):
        expected = picture(i % 8).astype(int)
        assert np.abs(draw(items[i]) - expected)[20:, 20:].max() <= 6
        assert np.abs(draw(items[i])[:12, :12] - expected[:12, :12]).max() <= 30
    paths[1].write_bytes(write_video(tmp_path / "c.mp4", [0, 40]).read_bytes())
    with pytest.raises(ValueError, match=r"b.mp4 has no frame at 1.040 s"):
        draw(items[15])


# Matrices of ISO/IEC 14496-12, and where the top left corner is then shown.
TURNED = {
    "clockwise": ((0, 1, -1, 0), (0, -1)),
    "counterclockwise": ((0, -1, 1, 0), (-1, 0)),
    "half": ((-1, 0, 0, -1), (-1, -1)),
}


def with_matrix(path: Path, matrix: Sequence[float]) -> Path:
    """Write a, b, c, d of the display matrix into the header of an MP4."""
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 44
    for place, value in zip((0, 4, 12, 16), matrix, strict=True):
        number = round(value * 65536).to_bytes(4, "big", signed=True)
        content[start + place : start + place + 4] = number
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("turn", TURNED)
def test_rotation_is_applied(tmp_path: Path, turn: str):
    matrix, (row, column) = TURNED[turn]
    path = with_matrix(write_video(tmp_path / "a.mp4"), matrix)
    rgb = draw(next(iter(read_video(path)))).astype(int)
    assert rgb.shape == ((H, W, 3) if turn == "half" else (W, H, 3))
    corners = [(0, 0), (0, -1), (-1, 0), (-1, -1)]
    red = [rgb[corner][0] - rgb[corner][1] > 150 for corner in corners]
    assert red == [corner == (row, column) for corner in corners]


FLIPPED = {"horizontal": ((-1, 0, 0, 1), (0, -1)), "vertical": ((1, 0, 0, -1), (-1, 0))}
FLIPPED |= {"transposed": ((0, 1, 1, 0), (0, 0)), "other": ((0, -1, -1, 0), (-1, -1))}


@pytest.mark.parametrize("flip", FLIPPED)
def test_flip_is_applied(tmp_path: Path, flip: str):
    matrix, (row, column) = FLIPPED[flip]
    path = with_matrix(write_video(tmp_path / "a.mp4"), matrix)
    rgb = draw(next(iter(read_video(path)))).astype(int)
    turned = flip in ("transposed", "other")
    assert rgb.shape == ((W, H, 3) if turned else (H, W, 3))
    corners = [(0, 0), (0, -1), (-1, 0), (-1, -1)]
    red = [rgb[corner][0] - rgb[corner][1] > 150 for corner in corners]
    assert red == [corner == (row, column) for corner in corners]


@pytest.mark.parametrize("matrix", [(0.5, 0.5, -0.5, 0.5), (2, 0, 0, 2), (1, 1, 0, 1)])
def test_other_matrices_are_refused_while_listing(tmp_path: Path, matrix: tuple):
    path = with_matrix(write_video(tmp_path / "a.mp4"), matrix)
    with pytest.raises(ValueError, match=r"a\.mp4 has a rotation of .* or is scaled"):
        next(iter(read_video(path)))


def encode(path: Path, **settings) -> Path:
    """A video of three frames by a codec whose context has these settings."""
    with av.open(str(path), "w") as container:
        container.metadata["creation_time"] = "2024-05-01T08:00:00Z"
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
        for name, value in settings.items():
            setattr(stream.codec_context, name, value)
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_pixels_become_square(tmp_path: Path):
    path = encode(tmp_path / "a.mp4", sample_aspect_ratio=Fraction(4, 3))
    rgb = draw(next(iter(read_video(path)))).astype(int)
    assert rgb.shape == (H, round(W * 4 / 3), 3)
    red = rgb[8, :, 0] - rgb[8, :, 1] > 100
    assert red.sum() == pytest.approx(16 * 4 / 3, abs=2)  # the corner is wider


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"options": {"x264-params": "interlaced=1"}}, "is interlaced"),
        ({"color_trc": 16}, r"is of high dynamic range \(PQ\)"),
        ({"color_trc": 18}, r"is of high dynamic range \(HLG\)"),
    ],
)
def test_what_needs_a_choice_is_refused_with_a_command(
    tmp_path: Path, settings: dict, what: str
):
    path = encode(tmp_path / "a.mp4", **settings)
    with pytest.raises(ValueError, match=rf"a\.mp4 {what}.*ffmpeg -i .*a\.mp4 -vf"):
        next(iter(read_video(path)))


@pytest.mark.parametrize("marked", [True, False])
def test_a_thumbnail_listed_first_is_not_the_video(tmp_path: Path, marked: bool):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        container.metadata["creation_time"] = "2024-05-01T08:00:00Z"
        cover = container.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 2 * W, 2 * H, "yuvj420p"
        if marked:
            cover.disposition = Disposition.attached_pic
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
        large = av.VideoFrame.from_ndarray(
            np.zeros((2 * H, 2 * W, 3), np.uint8), format="rgb24"
        )
        container.mux(cover.encode(large))
        container.mux(cover.encode())
        for number in range(4):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    items = list(read_video(path))
    assert numbers(items) == [0, 1, 2, 3]
    assert draw(items[0]).shape == (H, W, 3)
    assert count_frames(path) == 4


# Folders


def test_recordings_of_a_folder_are_named_by_their_paths(tmp_path: Path, monkeypatch):
    for name in ("pond/0900.mp4", "pond/0800.mkv", "sea.MOV"):
        write_video(tmp_path / name, [0, 40])
    (tmp_path / "notes.txt").write_text("no video")
    (tmp_path / "pond" / "._0900.mp4").write_bytes(b"of macOS, and no video")
    said: list[str] = []
    monkeypatch.setattr(layout, "print_log", lambda text, *_: said.append(text))
    items = list(read_video(tmp_path))
    assert "passed over 1 .txt, 1 hidden; videos are" in "".join(said)
    names = [item.recording for item in items]
    assert names == ["pond/0800"] * 2 + ["pond/0900"] * 2 + ["sea"] * 2


def test_one_start_for_several_videos_is_rejected(tmp_path: Path):
    for name in "ab":
        write_video(tmp_path / f"{name}.mp4", [0])
    with pytest.raises(ValueError, match=r"one start= for 2 videos.*\['a', 'b'\]"):
        read_video(tmp_path, start=START)
    with pytest.raises(ValueError, match=r"start= has \['c'\]"):
        read_video(tmp_path, start={"c": START})
    later = {"b": START + 60}
    times = {
        item.recording: item.timestamp for item in read_video(tmp_path, start=later)
    }
    assert times == {"a": START * SECOND, "b": (START + 60) * SECOND}


def test_videos_of_one_name_are_rejected(tmp_path: Path):
    for suffix in (".mp4", ".mkv"):
        write_video(tmp_path / f"a{suffix}", [0])
    with pytest.raises(ValueError, match=r"a.mkv and .*a.mp4 would be one recording"):
        read_video(tmp_path)


# Damages


def test_a_source_without_video_is_rejected_before_decoding(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="has no video"):
        read_video(tmp_path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_video(tmp_path / "a.mp4")
    (tmp_path / "a.mp4").write_bytes(b"\0" * 100)
    with pytest.raises(ValueError, match=r"a.mp4 cannot be opened"):
        read_video(tmp_path)


def test_an_audio_file_is_rejected_before_decoding(tmp_path: Path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        silence = np.zeros((1, 1024), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, "fltp", "mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(ValueError, match=r"no video stream; it has \['audio'\]"):
        read_video(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_truncated_video_is_reported_with_its_position(
    tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture
):
    path = write_video(tmp_path / f"a{suffix}", range(0, 4000, 40), noise=True)
    items = read_video(cut_off(path, 0.6), start=START)
    came = []
    with pytest.raises(ValueError, match=r"after \d+ frames, the last at") as error:
        came.extend(items)
    assert 40 < len(came) < 70
    last = milliseconds(came)[-1] / 1000
    assert f"after {len(came)} frames, the last at {last:.3f} s" in str(error.value)
    accepted = list(read_video(path, start=START, accept_damaged=True))
    assert milliseconds(accepted) == [40 * n for n in range(len(came))]
    whole = write_video(tmp_path / f"b{suffix}", range(0, 4000, 40), noise=True)
    expected = list(read_video(whole))[len(came) - 1]
    np.testing.assert_array_equal(draw(accepted[-1]), draw(expected))
    assert f"after {len(came)} frames" in capsys.readouterr().out


def test_a_damaged_frame_is_skipped(tmp_path: Path):
    path = write_video(tmp_path / "a.mp4", range(0, 2000, 40), noise=True)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = b"\xff" * 3000
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"is damaged|cannot be decoded"):
        list(read_video(path))
    items = list(read_video(path, start=START, accept_damaged=True))
    times = milliseconds(items)
    assert 40 < len(items) < 50
    assert set(times) < {40 * n for n in range(50)}
    assert times[-1] == 1960


def test_a_video_without_frames_is_rejected(tmp_path: Path):
    path = write_video(tmp_path / "a.mkv", [0], noise=True)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"\x1f\x43\xb6\x75") + 20])  # its cluster
    with pytest.raises(ValueError, match="no frame that can be decoded"):
        list(read_video(path, accept_damaged=True))


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    path = write_video(tmp_path / "a.mp4", [0])
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"\.\[data\]"):
        read_video(path)


# Writing


def test_missing_items_are_written_again(tmp_path: Path):
    path = write_video(tmp_path / "pond.mp4")
    out, about = tmp_path / "out", {"source": "pond.mp4"}
    table = write_items(read_video(path, start=START), out, SPLASH, about=about)
    frames = read_table(table)
    assert [frame.timestamp for frame in frames] == [
        START * SECOND + time * 10**6 for time in VARIABLE
    ]
    before = {frame.image: Path(frame.image).read_bytes() for frame in frames}
    for frame in frames[4:]:
        Path(frame.image).unlink()
    table.unlink()
    write_items(read_video(path, start=START), out, SPLASH, about=about)
    assert {name: Path(name).read_bytes() for name in before} == before


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_video_with_long_frames_is_complete(tmp_path: Path, suffix: str):
    path = write_video(
        tmp_path / f"slow{suffix}", pts=range(0, 30_000, 5_000), rate=Fraction(1, 5)
    )
    items = list(read_video(path, start=START))
    assert milliseconds(items) == [5_000.0 * n for n in range(6)]
