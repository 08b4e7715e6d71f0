import base64
import io
import math
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.report import write_page

TITLE, NOTES = "Splash <b>&</b>", "From scratch, <one> seed.\nNo evidence."
LOADS = {"src", "href", "xlink:href", "srcset", "action", "data", "poster"}


class Page(HTMLParser):
    """Elements with their attributes, and the text of each cell, note and so on."""

    def __init__(self, html):
        super().__init__()
        self.html, self.elements, self.texts = html, [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append((self.elements[-1][0] if self.elements else "", data.strip()))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def texts_of(self, tag):
        return [text for name, text in self.texts if name == tag and text]


@pytest.fixture
def write(tmp_path):
    def write(runs, **arguments):
        out = write_page(
            runs, tmp_path / "new" / "page.html", TITLE, NOTES, **arguments
        )
        return Page(out.read_text(encoding="utf-8"))

    return write


@pytest.fixture
def runs(make_run, write_log):
    for name in ("plain", "distilled"):
        lines = [{"loss": 1 / step, "step": step} for step in range(1, 9)]
        lines += [
            {"mIoU": 50.0 + i, "Dice.splash": 40.0 + i, "step": i} for i in (4, 8)
        ]
        write_log(name, "20261123_010000", lines)
    other = {"mIoU": 72.5, "aAcc": 99, "Dice.splash": math.nan}
    return [make_run(), make_run("distilled", title="<i>KD</i>", metrics=other)]


def test_the_table_holds_the_figures_of_the_records(write, runs):
    assert write(runs).texts_of("td") == [
        *["71.25", "60.12", "98.90", "3.72", "0.55", "12.3"],
        *["72.50", "n/a", "99.00", "3.72", "0.55", "12.3"],
    ]


def test_the_page_refers_to_nothing_outside(write, runs):
    page = write(runs)
    links = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in LOADS
    ]
    assert links
    assert all(value.startswith(("#", "data:image/jpeg;base64,")) for value in links)
    assert not {"script", "link", "iframe", "object"} & {
        tag for tag, _ in page.elements
    }
    assert "@import" not in page.html
    assert "url(http" not in page.html
    policy = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_text_from_records_is_no_markup(write, runs):
    page = write(runs)
    assert page.texts_of("h1") == [TITLE]
    assert not page.all("i")
    assert "<i>KD" not in page.html
    assert "<i>KD</i>" in page.texts_of("h3")


def test_notes_and_conditions_stand_under_the_table(write, runs):
    paragraphs = write(runs).texts_of("p")
    start = paragraphs.index(
        "Measured on CPU, 2 threads; tested 2026-11-23; seed 0; "
        "training iterations 200."
    )
    assert paragraphs[start + 1 : start + 3] == NOTES.splitlines()


def test_a_reader_without_eyes_is_served(write, runs):
    page = write(runs)
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("caption")) == 1
    assert [th["scope"] for th in page.all("th")] == ["col"] * 7 + ["row"] * 2
    assert all(image["alt"] for image in page.all("img"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_three_curves_and_the_commands(write, runs):
    page = write(runs)
    assert page.html.count('role="img"') == 3
    commands = [text for text in page.texts_of("code") if text.startswith("python")]
    assert commands == [run.command for run in runs]


def test_no_log_no_curves(write, make_run):
    assert "Learning curves" not in write([make_run()]).html


def test_each_chosen_frame_shows_every_run(write, make_run):
    truth = np.zeros((6, 8), int)
    truth[:2, :3] = 1
    shifted = np.roll(truth, 1, axis=1)
    runs = [make_run("a", [truth], [truth]), make_run("b", [truth], [shifted])]
    page = write(runs)
    assert page.texts_of("h3")[0] == "Most splash · Lowest Dice"
    alts = [image["alt"] for image in page.all("img")]
    assert len(alts) == 2 + 2 * len(runs)
    assert alts[3].endswith("6 hit, 0 px missed, 0 px false alarms")
    assert alts[5].endswith("4 hit, 2 px missed, 2 px false alarms")
    assert "Dice 66.7" in page.html


def test_pictures_are_as_large_as_they_say(write, make_run):
    page = write([make_run(truths=[np.ones((90, 900), int)])])
    for image in page.all("img"):
        data = base64.b64decode(image["src"].partition(",")[2])
        with Image.open(io.BytesIO(data)) as picture:
            assert (
                picture.size == (440, 44) == (int(image["width"]), int(image["height"]))
            )


def test_the_focus_class_can_be_chosen(write, runs):
    page = write(runs, focus_class="background")
    assert "Dice background (%)" in page.texts_of("th")
    assert any("Most background" in text for text in page.texts_of("h3"))
    assert "99.50" in page.texts_of("td")
