"""``tools/watch.py --follow``: ids of splashes from frame to frame."""

import csv
import os
import signal
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
