import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import SPLASH
from mmseg_splashkd.label_errors import LabelError, LabelErrors
from mmseg_splashkd.label_errors.quality import label_quality
from mmseg_splashkd.label_errors.regions import find_regions
from mmseg_splashkd.report.label_errors import search
from mmseg_splashkd.report.label_errors.page import write_label_page
from mmseg_splashkd.report.label_errors.pictures import (
    COLORS,
    paint_regions,
    read_label,
    tiles_of,
)
from mmseg_splashkd.report.label_errors.search import (
    print_findings,
    search_label_errors,
)
from tests.report.html import Page

SIZE = (40, 60)
LABELLED, PREDICTED = np.s_[10:20, 10:20], np.s_[10:20, 30:40]


def finding(folder: Path, name: str, labelled: bool, is_predicted: bool) -> LabelError:
    """A frame with its files."""
    gray, likely = np.zeros(SIZE, np.uint8), np.full(SIZE, 0.1)
    gray[LABELLED] = 255 if labelled else 0
    likely[PREDICTED] = 0.9 if is_predicted else 0.1
    image, label = folder / f"{name}.png", folder / f"{name}_label.png"
    Image.new("RGB", (SIZE[1], SIZE[0]), (90, 90, 90)).save(image)
    Image.fromarray(gray).save(label)
    verdict = label_quality(gray // 255, np.stack([1 - likely, likely]))
    buffer = io.BytesIO()
    Image.fromarray(verdict.predicted).save(buffer, "PNG")
    return LabelError(
        frame=Frame("north", 10**18, str(image), str(label)),
        run="fold0",
        regions=find_regions(gray // 255, verdict, 1),
        quality=0.5,
        png=buffer.getvalue(),
    )


@pytest.fixture
def found(tmp_path) -> LabelErrors:
    findings = [
        finding(tmp_path, "both", labelled=True, is_predicted=True),
        finding(tmp_path, "missing", labelled=False, is_predicted=True),
        finding(tmp_path, "right", labelled=False, is_predicted=False),
    ]
    return LabelErrors(findings, SPLASH, 1, ["north/7", "north/<8>"])


@pytest.fixture
def page(found, tmp_path) -> Page:
    out = write_label_page(found, tmp_path / "new" / "page.html", "found.csv")
    assert [path.name for path in out.parent.iterdir()] == ["page.html"]
    return Page(out)


def test_the_suspicious_frames_are_shown_and_no_others(page):
    counts = [text for text in page.texts_of("b") if text.isdigit()]
    assert counts == ["3", "2", "2", "2"]  # checked, suspicious, shown, not checked
    assert len(page.all("section")) == 2
    assert len(page.all("img")) == 2 * 5
    codes = page.texts_of("code")
    assert any(code.endswith("both.png") for code in codes)
    assert not any(code.endswith("right.png") for code in codes)
    assert "found.csv" in codes


def test_regions_are_described(page):
    assert "unlabelled splash (2)" in page.html
    assert "labelled as splash, but none there (1)" in page.html
    assert "misplaced edge of splash" not in page.html
    assert "100 px at 30, 10; score 80" in page.html
    assert "north, 2001-09-09 01:46:40 UTC" in page.html


def test_unchecked_frames_are_listed(page):
    assert "2 frames that a run was trained on and no run checked" in page.texts_of(
        "summary"
    )
    assert "north/&lt;8&gt;" in page.html


def test_the_page_is_self_contained_and_accessible(page):
    assert page.all("img")
    page.check_self_contained()
    page.check_accessible()


def test_no_more_than_asked_for(found, tmp_path):
    out = write_label_page(found, tmp_path / "page.html", "found.csv", shown=1)
    assert len(Page(out).all("section")) == 1


def test_page_without_suspicious_labels(found, tmp_path):
    right = LabelErrors(found.findings[2:], SPLASH, 1, [])
    out = write_label_page(right, tmp_path / "page.html", "found.csv")
    page = Page(out)
    assert "No frame is suspicious" in page.texts_of("h2")
    assert "no run checked" not in page.html


def test_regions_are_painted_in_the_colour_of_their_kind(found):
    (both, *_) = found.findings
    painted = paint_regions(np.full((*SIZE, 3), 100, np.uint8), both.regions)
    assert (painted[LABELLED] == COLORS["false"]).all()
    assert (painted[PREDICTED] == COLORS["missing"]).all()
    assert (painted[0] == 50).all()


def test_labels_and_predictions_are_side_by_side(found):
    both = found.findings[0]
    assert read_label(both, found)[LABELLED].all()
    titles = [tile.title for tile in tiles_of(both, found)]
    assert titles == [
        "Frame",
        "Label",
        "Held-out model",
        "Suspicious",
        "Close-up",
    ]


def test_the_terminal_shows_the_first(found):
    text = io.StringIO()
    print_findings(found, Console(file=text, width=100))
    rows = [line for line in text.getvalue().splitlines() if ".png" in line]
    assert rows[0].split()[:2] == ["1", "both.png"]
    assert rows[0].split()[-2:] == ["100", "80"]
    assert "2 of 3 frames have a suspicious region" in text.getvalue()
    assert (
        "2 training frames are held out by no run and were not checked"
        in text.getvalue()
    )


def test_a_search_leaves_page_and_table(found, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(search, "open_runs", lambda *_: ([], found.unjudged))
    monkeypatch.setattr(search, "find_label_errors", lambda *_: found)
    out = tmp_path / "there" / "page.html"
    assert search_label_errors(["fold0"], out) is found
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "page.csv",
        "page.html",
    ]
    assert str(out) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"out": "page.csv"}, r"--out page\.csv does not end with \.html"),
        ({"out": "page.html", "shown": 0}, "--shown 0 must be at least 1"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_first(arguments, message):
    with pytest.raises(ValueError, match=message):
        search_label_errors(["nowhere"], **arguments)
