"""The page in a browser: Chromium of the system, without its window."""

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mmseg_splashkd.deploy.serve.address import listening, url_of
from mmseg_splashkd.deploy.serve.app import create_app
from mmseg_splashkd.deploy.serve.command import server_of
from mmseg_splashkd.deploy.serve.guard import LOOPBACK
from mmseg_splashkd.deploy.serve.turns import Turns
from tests.deploy.predict.fakes import write
from tests.deploy.serve.helpers import service_of
from tests.deploy.watch.helpers import H, W, draw_video, picture

playwright = pytest.importorskip(
    "playwright.sync_api", reason="no playwright: pip install -e '.[dev]'"
)
NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(NAMES)} is here"),
]
EVIL = "<img src=x onerror=alert(1)>.png"


@pytest.fixture(scope="module")
def browser() -> Iterator:
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    words = ["--no-sandbox"] if is_root else []
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=BROWSER, args=words)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    """Address of a server in a thread."""
    turns, root = Turns(4), tmp_path_factory.mktemp("root")
    server = server_of(create_app(service_of(), turns, LOOPBACK, root), turns)
    with listening("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield url_of(listener)
        server.should_exit = True
        thread.join()
    turns.close()
    assert list(root.iterdir()) == []


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    (folder / "notes.txt").write_text("no video")
    return {
        "picture": write(folder / EVIL, picture(4)),
        "video": draw_video(folder / "pond.mp4", range(0, 1200, 40)),
        "text": folder / "notes.txt",
    }


class Tab:
    """A page of the browser, and what its console says."""

    def __init__(self, browser, url: str, width: int) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 844})
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda each: self.complaints.append(each.text))
        self.page.goto(url)

    def send(self, file: Path) -> None:
        self.page.get_by_label("Picture or video").set_input_files(file)
        self.page.get_by_role("button", name="Predict").press("Enter")

    def overlay_of(self, name: str) -> tuple[int, int]:
        """Wait for the answer to a file; size of the overlay in pixels."""
        playwright.expect(self.page.get_by_role("heading", name=name)).to_be_visible()
        overlay = self.page.locator("#overlay")
        playwright.expect(overlay).to_be_visible()
        size = "e => e.decode().then(() => [e.naturalWidth, e.naturalHeight])"
        return tuple(overlay.evaluate(size))

    @property
    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        return self.page.evaluate(
            "() => document.documentElement.scrollWidth - window.innerWidth"
        )


@pytest.fixture(params=[1280, 390])
def tab(request, browser, url) -> Iterator[Tab]:
    opened = Tab(browser, url, request.param)
    yield opened
    opened.page.close()


def test_a_picture_and_a_video_are_shown(tab, files, url):
    assert tab.overflow <= 0
    tab.send(files["picture"])
    assert tab.overlay_of(EVIL) == (W, H)
    cells = tab.page.locator("#table tbody tr").nth(1).inner_text().split("\t")
    assert cells == ["splash", "9.38 %", "144", "1", "0.902"]
    assert tab.page.locator("img[src='x']").count() == 0  # a name is text
    assert tab.overflow <= 0

    tab.page.get_by_text("Settings of events in videos").click()
    tab.page.get_by_label("Shortest event in seconds").fill("0")
    tab.page.get_by_label("Longest gap within an event in seconds").fill("0.1")
    tab.send(files["video"])
    assert tab.overlay_of("pond.mp4") == (W, H)
    expected = httpx.post(
        f"{url}events?files=true",
        data={"recording": "pond", "min_seconds": "0", "gap_seconds": "0.1"},
        files={"file": files["video"].read_bytes()},
    ).json()
    assert len(expected["events"]) == 3
    rows = tab.page.locator("#table tbody tr")
    assert [row.split("\t")[0] for row in rows.all_inner_texts()] == [
        each["start"][:23].replace("T", " ") for each in expected["events"]
    ]
    assert tab.page.locator("#chart").evaluate(
        "e => e.decode().then(() => e.naturalWidth)"
    )
    for name in ("rows.csv", "events.csv", "timeline.svg"):
        with tab.page.expect_download() as download:
            tab.page.get_by_role("link", name=f"Download {name}").click()
        content = Path(download.value.path()).read_text()
        assert content == expected["files"][name]
    assert tab.overflow <= 0
    assert tab.complaints == []


def test_a_refusal_is_told(browser, url, files):
    tab = Tab(browser, url, 1280)
    alert = tab.page.get_by_role("alert")
    tab.page.get_by_role("button", name="Predict").click()
    playwright.expect(alert).to_have_text("Choose a picture or a video first.")
    tab.send(files["text"])
    playwright.expect(alert).to_contain_text("video upload cannot be opened")
    playwright.expect(tab.page.locator("#result")).to_be_hidden()
    tab.send(files["picture"])
    tab.overlay_of(EVIL)
    playwright.expect(alert).to_be_hidden()
    tab.page.close()


def test_a_file_that_is_dropped_is_sent(browser, url, files):
    tab = Tab(browser, url, 1280)
    content = list(files["picture"].read_bytes())
    tab.page.evaluate(
        """(bytes) => {
          const data = new DataTransfer();
          const content = new Uint8Array(bytes), type = "image/png";
          const file = new File([content], "dropped.png", {type});
          data.items.add(file);
          const options = {dataTransfer: data, bubbles: true, cancelable: true};
          document.getElementById("drop").dispatchEvent(new DragEvent("drop", options));
        }""",
        content,
    )
    assert tab.overlay_of("dropped.png") == (W, H)
    assert tab.complaints == []
    tab.page.close()


def test_every_field_has_a_label_and_is_reached_by_keys(browser, url):
    tab = Tab(browser, url, 1280)
    tab.page.locator("details").evaluate("e => { e.open = true; }")
    unlabelled = "fields => fields.filter(e => !e.labels.length).length"
    assert tab.page.locator("input").evaluate_all(unlabelled) == 0
    tab.page.locator("body").press("Tab")
    reached = []
    for _ in range(8):
        reached.append(
            tab.page.evaluate(
                "() => document.activeElement.name || document.activeElement.id"
                " || document.activeElement.tagName"
            )
        )
        tab.page.keyboard.press("Tab")
    settings = ["on", "off", "min_seconds", "gap_seconds", "every"]
    assert reached == ["file", "SUMMARY", *settings, "send"]
    tab.page.close()
