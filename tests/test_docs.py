"""Links, files and placeholders of the documentation."""

import re

import pytest

from tests.conftest import ROOT

PAGES = sorted(
    path
    for folder in ("", "docs/**/", "configs/**/", "benchmarks/")
    for path in ROOT.glob(f"{folder}*.md")
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(
    r"\b(?:benchmarks|configs|mmseg_splashkd|tests|tools)/[\w./-]+\.(?:py|sh)\b"
)

pages = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: str(page.relative_to(ROOT))
)


def test_pages_are_found():
    found = {str(page.relative_to(ROOT)) for page in PAGES}
    assert found >= {"README.md", "CONTRIBUTING.md", "configs/kd/README.md"}
    assert any(LINK.search(page.read_text(encoding="utf-8")) for page in PAGES)
    assert any(FILE.search(page.read_text(encoding="utf-8")) for page in PAGES)


@pages
def test_links_and_pictures_resolve(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:", "mailto:", "#")):
            assert (page.parent / target.partition("#")[0]).exists(), target


@pages
def test_commands_name_files_that_exist(page):
    for file in FILE.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / file).is_file(), file


@pages
def test_no_placeholder_is_left(page):
    assert not re.findall(r"\b[A-Z]+_TABLE\b", page.read_text(encoding="utf-8"))
