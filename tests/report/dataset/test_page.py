import base64
import io
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.checks import Finding
from mmseg_splashkd.datasets.label_coding import SPLASH
from mmseg_splashkd.report.dataset.page import write_dataset_page
from mmseg_splashkd.report.dataset.pictures import (
    UNKNOWN_COLOR,
    paint_label,
    picture_rows,
)
from mmseg_splashkd.report.dataset.result import (
    DatasetReport,
    examine,
)
from mmseg_splashkd.report.dataset.source import dataset_of_files
from mmseg_splashkd.report.dataset.timeline import timeline
from tests.datasets.checks.builders import clean_pond, frame, parts_of
from tests.report.html import Page


@pytest.fixture
def table(pond, tmp_path):
    return clean_pond(pond, tmp_path / "pond")


@pytest.fixture
def write(tmp_path):
    def write(report):
        out = write_dataset_page(report, tmp_path / "new" / "page.html")
        return Page(out)

    return write


def report_of(table, fast=False):
    return examine(dataset_of_files(table, None, "splash"), fast, progress=False)


def spoil(table):
    """A copy across parts, an unknown value, a label of another size, a black frame."""
    train = parts_of(table)["train"]
    shutil.copy(train[9].image, parts_of(table)["test"][0].image)
    label = np.zeros((64, 80), np.uint8)
    label[:8, :10] = 7
    Image.fromarray(label).save(train[0].label)
    Image.fromarray(label[:32] * 0).save(train[1].label)
    Image.new("RGB", (80, 64)).save(train[2].image)


def test_clean_page(write, table):
    page = write(report_of(table))
    assert page.texts_of("h1") == ["pond_frames"]
    assert "No errors and no warnings." in page.texts_of("b")
    assert "0 errors, 0 warnings, 0 notes" in page.texts_of("span")
    assert "Findings" not in page.texts_of("h2")
    assert page.texts_of("h2") == ["Timeline", "Parts", "Frames to look at"]
    assert "Most splash" in page.texts_of("h3")


def test_spoiled_page_shows_what_is_wrong(write, table):
    spoil(table)
    page = write(report_of(table))
    assert "Errors: a run on this data would be invalid." in page.texts_of("b")
    assert "3 errors, 1 warning, 0 notes" in page.texts_of("span")
    titles = page.texts_of("h3")
    for title in (
        "Equal pixels: train and test",
        "Unknown values",
        "Label of a different size",
        "Constant colour",
    ):
        assert title in titles


def test_tables_hold_the_figures(write, table):
    report = report_of(table)
    cells = write(report).texts_of("td")
    start, end = "2023-05-02 04:00", "2023-05-02 04:01"
    share = np.mean([f.splash_share or 0 for f in report.parts["val"]])
    assert cells[5:10] == ["6", "1", end, end, f"{share:.2%}"]
    assert cells[:4] == ["18", "1", start, start]
    assert cells[-4:] == ["pond", "18", "6", "3"]
    assert [f"{1 - share:.2%}", f"{share:.2%}"] == cells[17:19]


def test_the_page_is_self_contained_and_accessible(write, table):
    spoil(table)
    page = write(report_of(table))
    assert page.all("img")
    page.check_self_contained()
    page.check_accessible()
    assert len(page.all("caption")) == 3


def test_fast_page_has_no_pictures(write, table):
    page = write(report_of(table, fast=True))
    assert page.texts_of("h2") == ["Timeline", "Parts"]
    assert not page.all("img")


def test_thousands_of_findings_are_folded(write):
    findings = [
        Finding("error", "unknown_value", f"value {i}", (f"{i}.png",))
        for i in range(3000)
    ]
    many = Finding("warning", "border", "near", tuple(f"n{i}.png" for i in range(5000)))
    parts = {"train": [frame(0)]}
    page = write(DatasetReport("pond", parts, SPLASH, [*findings, many]))
    assert "3,000 errors, 1 warning, 0 notes" in page.texts_of("span")
    summaries = page.texts_of("summary")
    assert summaries == ["2,992 more", "5,000 files"]
    assert "value 2999" in page.html
    assert "n4999.png" in page.html


def test_text_is_escaped(write):
    finding = Finding("error", "shared_label", "<b>label</b>", ("<i>.png",))
    page = write(DatasetReport("<u>pond</u>", {"train": []}, SPLASH, [finding]))
    assert page.texts_of("h1") == ["<u>pond</u>"]
    assert not page.all("i")
    assert not page.all("u")


def test_timeline_has_a_lane_per_recording_and_marks():
    parts = {
        "train": [frame(i, recording="east") for i in (0, 3, 6, 9, 100, 103)],
        "val": [
            frame(i, "val", recording="west & co", splash_share=0.1) for i in (0, 3)
        ],
    }
    plain = timeline(parts, {"error": set()})
    assert ">east</text>" in plain
    assert ">west &amp; co</text>" in plain
    assert "hatch" in plain or "pattern" in plain
    assert timeline(parts, {"error": {parts["train"][0].image}}) != plain
    assert timeline({"train": []}, {}) == ""


def test_many_frames_do_not_make_the_timeline_large():
    few, many = (
        {"train": [frame(3 * i, splash_share=i % 7 / 100) for i in range(count)]}
        for count in (500, 5000)
    )
    assert len(timeline(many, {})) < 2 * len(timeline(few, {})) + 20_000


def test_colours_of_painted_labels(tmp_path):
    gray = np.array([[0, 255], [7, 0]], np.uint8)
    Image.fromarray(gray).save(tmp_path / "label.png")
    found = replace(frame(0), label=str(tmp_path / "label.png"))
    image = np.full((2, 2, 3), 100, np.uint8)
    painted = paint_label(image, found, SPLASH)
    yellow = [round(0.4 * 100 + 0.6 * channel) for channel in SPLASH.palette[1]]
    assert painted[1, 0].tolist() == list(UNKNOWN_COLOR)
    assert painted[0, 1].tolist() == yellow
    over_black = paint_label(image[:1], found, SPLASH)
    assert over_black.shape == (2, 2, 3)
    assert over_black[0, 1].tolist() == [round(0.6 * c) for c in SPLASH.palette[1]]


def test_values_of_a_colour_label_are_shown_as_unknown(tmp_path):
    Image.new("RGB", (5, 4)).save(tmp_path / "label.png")
    found = replace(frame(0), label=str(tmp_path / "label.png"))
    painted = paint_label(np.zeros((4, 5, 3), np.uint8), found, SPLASH)
    assert painted.shape == (4, 5, 3)
    assert (painted == UNKNOWN_COLOR).all()


def test_pictures_are_those_of_the_frames(table):
    spoil(table)
    report = report_of(table)
    first = picture_rows(report)[0]
    sizes = []
    for tile in first.tiles:
        data = base64.b64decode(tile.src.partition(",")[2])
        with Image.open(io.BytesIO(data)) as picture:
            sizes.append(picture.size)
    assert sizes == [(80, 64), (80, 64)]
    moments = [re.search(r"\d\d:\d\d:\d\d", tile.detail) for tile in first.tiles]
    assert [m and m.group() for m in moments] == ["04:00:27", "04:01:24"]
