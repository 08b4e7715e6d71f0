"""``tools/watch.py --follow``: ids of splashes from frame to frame."""

import csv
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from torch.multiprocessing.spawn import ProcessExitedException

from mmseg_splashkd.datasets.timestamps import SECOND, format_timestamp
from mmseg_splashkd.deploy.watch import read_rows
from mmseg_splashkd.deploy.watch.blob_rows import BLOB_HEADER, placed_blobs
from mmseg_splashkd.deploy.watch.drawn_tracks import colour_of, draw_tracks
from mmseg_splashkd.deploy.watch.replayed import replayed
from mmseg_splashkd.deploy.watch.table import LineTable
from mmseg_splashkd.evaluation.components import Area
from mmseg_splashkd.evaluation.following import TRACKERS, FollowSettings
from tests.deploy.predict.fakes import RedEngine, write
from tests.deploy.watch.helpers import START, contents
from tests.deploy.watch.test_command import refused, told
from tests.deploy.watch.test_ends import watch
from tests.forks import fork, join

FRAMES = 24
H, W = 40, 80
RED = (230, 0, 0)


def boxes(number: int) -> list[tuple[int, int, int, int]]:
    """A splash that drifts, one that comes and goes, and a drop that never stays."""
    found = [(4 + number, 4, 16 + number, 14)]
    if number % 12 in (3, 4, 5, 7):  # missing in 6
        found.append((50, 26, 60, 36))
    if number % 5 == 0:
        found.append((70, 2 + number, 72, 4 + number))
    return found


def draw(folder: Path, numbers: range) -> Path:
    for number in numbers:
        rgb = np.zeros((H, W, 3), np.uint8)
        rgb[..., 2] = 90
        for left, top, right, bottom in boxes(number):
            rgb[top:bottom, left:right] = RED
        name = format_timestamp((START + number) * SECOND)
        write(folder / f"{name}.png", rgb)
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def frames(tmp_path) -> Path:
    return draw(tmp_path / "frames", range(FRAMES))


@pytest.mark.parametrize("tracker", ["sort", "bytetrack", "ocsort", "nearest"])
def test_splashes_keep_their_ids(model, frames, tmp_path, tracker):
    out = tmp_path / "out"
    shown = told(model, frames, "--out", out, "--follow", tracker, "--join", "none")
    found = table(out / "tracks.csv")
    assert len(found) == sum(len(boxes(number)) for number in range(FRAMES))
    drifting = [row for row in found if row["y0"] == "4" and row["y1"] == "14"]
    assert [row["track"] for row in drifting] == ["1"] * FRAMES
    assert [int(row["x0"]) for row in drifting] == [4 + n for n in range(FRAMES)]
    gone = [row["track"] for row in found if row["x0"] == "50"]
    assert gone == ["2"] * 4 + ["3"] * 4  # missing for one frame, then for eight
    assert {row["track"] for row in found if row["x0"] == "70"} == {""}  # 4 pixels
    assert "5 blobs not followed: below 12 pixels" in shown
    assert "3 tracks, 0 merged into another one, 0 split from one" in shown


def test_the_sums_of_a_track(model, frames, tmp_path):
    out = tmp_path / "out"
    told(model, frames, "--out", out, "--follow")
    first, _, last = sorted(table(out / "splashes.csv"), key=lambda row: row["track"])
    assert first == {
        "track": "1",
        "start": "2024-05-01T08:00:00.000000000Z",
        "end": "2024-05-01T08:00:23.000000000Z",
        "duration_s": "24.0",
        "frames": "24",
        "peak_area": "120",
        "area_px_s": "2880.0",
        "path_px": "23.0",
        "begins_open": "true",
        "ends_open": "true",
        "merged_into": "",
        "split_from": "",
    }
    assert (last["frames"], last["duration_s"]) == ("4", "5.0")
    assert last["area_px_s"] == "400.0"  # not of the second in which it was missing
    assert (last["begins_open"], last["ends_open"]) == ("false", "false")


def killed_while_predicting(_: int, frame: int, words: tuple) -> None:
    run, count = RedEngine.run, [0]

    def acting(self: RedEngine, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if count[0] == frame:
            os.kill(os.getpid(), signal.SIGKILL)
        count[0] += 1
        return run(self, given)

    pytest.MonkeyPatch().setattr(RedEngine, "run", acting)
    watch(*words)


def killed_in(append: str, torn: int) -> Callable[[int, int, tuple], None]:
    """Kill this process in the n-th write into a table, after some of its bytes."""

    def killed(_: int, number: int, words: tuple) -> None:
        kept, count = LineTable.append_lines, [0]

        def tear(self: LineTable, lines: str) -> None:
            if self._path.name == append:
                if count[0] == number:
                    self._file.write(lines.encode()[:torn])
                    os.kill(os.getpid(), signal.SIGKILL)
                count[0] += 1
            kept(self, lines)

        pytest.MonkeyPatch().setattr(LineTable, "append_lines", tear)
        watch(*words)

    return killed


# Names, because a process finds them in this module.
in_blobs, in_rows = killed_in("tracks.csv", 40), killed_in("rows.csv", 9)


@pytest.mark.parametrize("kill", [killed_while_predicting, in_blobs, in_rows])
def test_kills_end_as_one_call(model, frames, tmp_path, kill):
    words = (model, frames, "--out", tmp_path / "out", "--follow", "--patience", 2)
    for after in (5, 1, 7):
        with pytest.raises(ProcessExitedException, match="SIGKILL"):
            join(fork(kill, after, words))
    watch(*words)
    whole = (*words[:3], tmp_path / "whole", *words[4:])
    watch(*whole)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_second_call_finds_the_same(model, frames, tmp_path):
    """Tracks that went on at the end of the first call are longer after the second."""
    whole = tmp_path / "whole"
    watch(model, frames, "--out", whole, "--follow")
    part, out = draw(tmp_path / "part" / "frames", range(14)), tmp_path / "out"
    watch(model, part, "--out", out, "--follow")
    assert table(out / "splashes.csv")[-1]["ends_open"] == "true"
    draw(part, range(14, FRAMES))
    shown = told(model, part, "--out", out, "--follow")
    assert "14 rows there already" in shown
    for name in ("rows.csv", "tracks.csv", "splashes.csv"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("lines", [1, 4])
def test_rows_whose_blobs_a_power_cut_took_are_predicted_again(
    model, frames, tmp_path, lines
):
    words = (model, frames, "--out", tmp_path / "out", "--follow")
    watch(*words)
    whole, file = contents(tmp_path / "out"), tmp_path / "out" / "tracks.csv"
    kept = file.read_bytes().splitlines(keepends=True)[:-lines]
    file.write_bytes(b"".join(kept) + b"\0" * 30)
    shown = told(*words)
    lost = {row.time_ns for row in read_rows(tmp_path / "out" / "rows.csv")}
    assert len(lost) == FRAMES
    assert f"{lines} rows predicted again: their blobs were lost" in shown
    assert contents(tmp_path / "out") == whole


def test_blobs_without_their_row_are_written_again(model, frames, tmp_path):
    words = (model, frames, "--out", tmp_path / "out", "--follow")
    watch(*words)
    whole, file = contents(tmp_path / "out"), tmp_path / "out" / "rows.csv"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-3]))
    watch(*words)
    assert contents(tmp_path / "out") == whole


def test_changed_tracks_are_refused(model, frames, tmp_path):
    out = tmp_path / "out"
    watch(model, frames, "--out", out, "--follow")
    file = out / "tracks.csv"
    text = file.read_text()
    file.write_text(text.replace(",1,4,4,16,14,", ",9,4,4,16,14,"))
    words = (model, frames, "--out", out, "--follow")
    assert "has other tracks at 2024-05-01T08:00:00.000000000Z" in refused(*words)
    file.write_text(text.replace(",1,4,4,16,14,", ",1,4,4,16,x,"))
    assert "tracks.csv, line 3, is damaged" in refused(*words)
    file.write_text("a,b\n")
    assert "is no table of tools/watch.py --follow" in refused(*words)


def test_following_is_chosen_once_for_a_folder(model, frames, tmp_path):
    followed, plain = tmp_path / "followed", tmp_path / "plain"
    watch(model, frames, "--out", followed, "--follow")
    watch(model, frames, "--out", plain)
    shown = refused(model, frames, "--out", followed)
    assert "was watched with --follow: give it again, or another --out" in shown
    shown = refused(model, frames, "--out", plain, "--follow")
    assert "was watched without --follow, and its rows have no blobs" in shown
    shown = refused(model, frames, "--out", followed, "--follow", "--min-area", 3)
    assert "holds predictions of another --follow" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--join", "3"), "--join has no effect without --follow"),
        (("--min-area", "3"), "--min-area has no effect without --follow"),
        (("--patience", "3"), "--patience has no effect without --follow"),
        (("--follow", "best"), "invalid choice: 'best'"),
        (("--follow", "sort", "--join", "near"), "--join: invalid"),
        (("--follow", "sort", "--min-area", "0"), "min_area=0: give a whole number"),
        (("--follow", "sort", "--patience", "-2"), "patience=-2: give a whole number"),
    ],
)
def test_bad_options_are_refused(model, frames, tmp_path, capsys, words, message):
    watch(model, frames, "--out", tmp_path / "out", *words, status=2)
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_help_tells_the_trackers_and_the_defaults(capsys):
    watch("--help")
    shown = " ".join(capsys.readouterr().out.split())
    given = FollowSettings()
    assert "{" + ",".join(TRACKERS) + "}" in shown
    assert f"(default of the tracker: {given.tracker})" in shown
    for name in ("join", "min_area", "patience"):
        text = shown[
            shown.index(f"--{name.replace('_', '-')} ", shown.index("options:")) :
        ]
        assert text.partition("(default: ")[2].startswith(f"{getattr(given, name)})")


def test_a_missing_package_is_named(model, frames, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "trackers", None)
    shown = refused(model, frames, "--out", tmp_path / "out", "--follow")
    assert "followed splashes need trackers: pip install -e '.[follow]'" in shown
    watch(model, frames, "--out", tmp_path / "out2", "--follow", "nearest")


def test_ids_are_drawn():
    splashes = {
        1: Area((20, 20, 40, 30), 200, (30, 25)),
        9: Area((60, 0, 70, 6), 60, (65, 3)),
    }
    drawn = draw_tracks(np.full((40, 80, 3), 128, np.uint8), splashes)
    for track, splash in splashes.items():
        colour = tuple(int(colour_of(track)[i : i + 2], 16) for i in (1, 3, 5))
        left, top, right, bottom = splash.box
        box = [drawn[bottom - 1, left:right], drawn[top:bottom, right - 1]]
        assert all((side == colour).all() for side in box)
    assert (drawn[25, 25] == 128).all()  # a frame, not a face
    outside = drawn[:20, 15:45].reshape(-1, 3)
    assert (outside == 0).all(-1).any()  # its id, over black
    other = draw_tracks(np.full((40, 80, 3), 128, np.uint8), {3: splashes[1]})
    assert (other[:20] != drawn[:20]).any()


def test_the_annotated_video_has_the_ids(model, frames, tmp_path):
    plain, followed = tmp_path / "plain.mp4", tmp_path / "followed.mp4"
    watch(model, frames, "--out", tmp_path / "a", "--annotate", plain)
    watch(model, frames, "--out", tmp_path / "b", "--annotate", followed, "--follow")
    pictures = []
    for path in (plain, followed):
        with av.open(str(path)) as container:
            found = container.decode(video=0)
            pictures.append([each.to_ndarray(format="rgb24") for each in found])
    assert [len(each) for each in pictures] == [FRAMES, FRAMES]
    away = np.abs(np.int32(pictures[0][0]) - np.int32(pictures[1][0])).max(-1)
    assert away[15:27, 4:12].max() > 60  # its id, below the box
    assert away[20:, 30:66].max() < 30


def test_lines_that_differ_are_written_from_there(tmp_path):
    file = tmp_path / "a.csv"
    for lines in (["a\n", "b\n", "c\n"], ["a\n", "b\n"], ["a\n", "bc\n", "d\n"]):
        with replayed(file, "head\n") as lined:
            for line in lines:
                lined.put(line)
            lined.end()
        assert file.read_text() == "head\n" + "".join(lines)
    inode = file.stat().st_ino
    with replayed(file, "head\n") as lined:
        lined.put("a\n")
    assert file.read_text() == "head\na\nbc\nd\n"  # not ended, as after a kill
    assert file.stat().st_ino == inode


def test_blobs_are_read_while_they_are_written(tmp_path):
    file = tmp_path / "tracks.csv"
    line = "2024-05-01T08:00:00.000000000Z,5,1,0,0,2,2,4,0.5,0.5\n"
    file.write_text(BLOB_HEADER + line + line[:20])
    ((tracked, end),) = placed_blobs(file)
    assert (tracked.time_ns, tracked.track, tracked.blob.area) == (5, 1, 4)
    assert end == len(BLOB_HEADER + line)
