"""Pages about photos of boats: no time, and no splash."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.checks import CODES, check_parts
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import load_label_coding
from mmseg_splashkd.evaluation.frame_scores import FrameScores, save_scores
from mmseg_splashkd.report import split_picture
from mmseg_splashkd.report.compare import compare_runs
from mmseg_splashkd.report.dataset.page import write_dataset_page
from mmseg_splashkd.report.dataset.result import (
    DatasetReport,
    examine,
    part_heads,
    part_rows,
)
from mmseg_splashkd.report.dataset.source import CheckedDataset
from mmseg_splashkd.report.experiments import report_experiments
from mmseg_splashkd.report.formatting import moment
from mmseg_splashkd.report.split_picture import draw_split
from tests.report.html import Page
from tests.report.test_split_picture import where

CODING = {
    "classes": ["water", "boat"],
    "palette": [[0, 0, 200], [250, 0, 0]],
    "gray_to_train_id": {0: 0, 1: 1},
}


def scores(hit: float, photos: int = 24, seed: int = 0, **changes) -> FrameScores:
    """Photos with 200 to 400 of 5000 pixels of a boat, of which a share is found."""
    rng = np.random.default_rng(seed)
    boat = rng.integers(200, 400, photos)
    found = np.rint(boat * np.clip(hit + rng.normal(0, 0.05, photos), 0, 1))
    false = rng.integers(0, 50, photos)
    rows = [5000 - boat - false, false, boat - found, found]
    values = {
        "confusion": np.stack(rows, -1).astype(np.int64).reshape(-1, 2, 2),
        "histogram": None,
        "frames": tuple(f"photos/{n}.jpg" for n in range(photos)),
        "recordings": (".",) * photos,
        "timestamps": np.full(photos, -1),
        "classes": ("water", "boat"),
        "focus": "boat",
        "about": {"part": "val", "weights": "last", "iteration": 4000},
    }
    return FrameScores(**(values | changes))


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Two runs, of which the second finds more."""
    for name, hit in (("plain", 0.5), ("kd", 0.8)):
        save_scores(scores(hit), tmp_path / name / "scores" / "val_last.npz")
    return [tmp_path / "plain", tmp_path / "kd"]


def read(page: Page) -> str:
    """The text without what is the same for all data: package name, start of runs."""
    return page.text.replace("mmseg_splashkd", "").replace("Start (UTC)", "")


def test_the_report_knows_no_time_and_no_splash(runs: list[Path], tmp_path: Path):
    files = [run / "scores" / "val_last.npz" for run in runs]
    page = Page(report_experiments(files, tmp_path / "page.html", baseline="plain"))
    page.check_self_contained()
    page.check_accessible()
    text = read(page)
    for word in ("splash", "1970", "1969", "UTC", "over time", "pause", "burst"):
        assert word.lower() not in text.lower(), word
    assert "Boat by frame" in text
    assert "points in the order of the data set" in text
    assert "in blocks" not in text
    assert "so blocks in time do not apply: frames were resampled as inde" in text
    assert "were false claims" not in text  # measured on time series
    assert "kd is better than the baseline, plain." in text
    assert "Onset of boat" not in page.html


def test_the_comparison_says_what_it_took(runs: list[Path], capsys):
    compare_runs(runs, resamples=100, markdown=True)
    printed = capsys.readouterr().out
    assert printed.startswith("| Arm | Runs | Frames | mIoU (%) | Dice.boat (%) |")
    taken = "validation part, last weights, iteration 4,000, 24 frames."
    assert f"Scores of plain: {taken}" in printed
    assert f"Scores of kd: {taken}" in printed
    assert "The frames have no time stamps" in printed
    assert "splash" not in printed
    assert "time," not in printed.replace("in time do not apply", "")


def test_too_few_photos_make_no_verdict(tmp_path: Path, capsys):
    for name, hit in (("plain", 0.5), ("kd", 0.8)):
        save_scores(scores(hit, 4), tmp_path / name / "scores" / "val_last.npz")
    compare_runs([tmp_path / "plain", tmp_path / "kd"], resamples=100)
    assert "no verdict: 4 frames, and 5 are needed" in capsys.readouterr().out


def photos(folder: Path) -> dict[str, list[Frame]]:
    """Parts of 12 photos in two folders, none with a time."""
    frames = []
    for number in range(12):
        recording = "lake" if number % 2 else "sea"
        image = folder / recording / f"{number}.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6), (10 * number, 90, 90)).save(image)
        part = ("train", "train", "val")[number % 3]
        share = number / 100
        frames.append(Frame(recording, -1, str(image), "", part, splash_share=share))
    return {
        part: [frame for frame in frames if frame.split == part]
        for part in ("train", "val")
    }


def test_the_data_set_page_knows_no_time_and_no_splash(tmp_path: Path):
    coding = load_label_coding(CODING)
    report = DatasetReport("lakes", photos(tmp_path), coding, [], focus="boat")
    page = Page(write_dataset_page(report, tmp_path / "page.html"))
    page.check_accessible()
    text = read(page)
    for word in ("splash", "1970", "1969", "UTC", "hatched", "per day", "pause"):
        assert word.lower() not in text.lower(), word
    assert part_heads(report) == ["Part", "Frames", "Recordings", "Boat"]
    assert part_rows(report)[0] == ["train", "8", "2", "5.00%"]
    assert page.table("Frames per recording") == [["lake", "4", "2"], ["sea", "4", "2"]]
    assert "checks of the distance in time do not apply" in text


def test_findings_name_the_class(tmp_path: Path):
    parts = photos(tmp_path)
    parts["val"] = [replace(frame, splash_share=0.0) for frame in parts["val"]]
    found = {each.code: each.message for each in check_parts(parts, class_name="boat")}
    assert found["no_splash"] == "no frame of val has boat: its Dice is undefined or 0"
    assert not [text for text in CODES.values() if "has no splash" in text]


def test_a_data_set_has_its_last_class_as_focus(tmp_path: Path):
    coding = load_label_coding(CODING)
    parts = photos(tmp_path)
    dataset = CheckedDataset("lakes", parts, {"": parts}, coding)
    assert examine(dataset, fast=True, progress=False).focus == "boat"


def test_frames_with_time_keep_their_timeline(tmp_path: Path):
    parts = photos(tmp_path)
    start = 1_714_521_600
    parts["val"] = [
        replace(frame, timestamp=(start + n) * 10**9)
        for n, frame in enumerate(parts["val"])
    ]
    coding = load_label_coding(CODING)
    report = DatasetReport("lakes", parts, coding, [], focus="boat")
    page = Page(write_dataset_page(report, tmp_path / "page.html"))
    assert "1970" not in page.html
    assert "1969" not in page.html
    assert part_rows(report)[0][3:5] == ["", ""]
    assert part_rows(report)[1][3:5] == ["2024-05-01 00:00"] * 2
    assert "Timeline" in page.text


def test_a_split_of_photos_is_drawn_without_time(tmp_path: Path, monkeypatch):
    def no_time(_: int) -> None:
        raise AssertionError("a photo has no time")

    monkeypatch.setattr(split_picture, "to_utc", no_time)
    frames = [
        replace(frame, splash_share=None)
        for part in photos(tmp_path).values()
        for frame in part
    ]
    first = draw_split(frames, tmp_path / "a.png", "boat")
    again = draw_split(frames[::-1], tmp_path / "b.png", "boat")
    assert first.read_bytes() == again.read_bytes()
    widths = [where(first, part).sum(1).max() for part in ("train", "val")]
    assert widths[0] == pytest.approx(2 * widths[1], rel=0.1)


def test_the_legend_of_a_split_names_the_class(tmp_path: Path, monkeypatch):
    titles = []
    legend = split_picture.Figure.legend

    def keep(self, *args, **kwargs):
        titles.append(kwargs.get("title"))
        return legend(self, *args, **kwargs)

    monkeypatch.setattr(split_picture.Figure, "legend", keep)
    frames = [frame for part in photos(tmp_path).values() for frame in part]
    draw_split(frames, tmp_path / "a.png", "boat")
    draw_split(frames, tmp_path / "b.png")
    assert titles == [
        "spikes: share of boat, the highest 11.0%",
        "spikes: share of the focus class, the highest 11.0%",
    ]


def test_a_frame_without_time_has_no_moment():
    assert moment("lake", -1) == "lake"
    assert moment(".", -1) == ""
