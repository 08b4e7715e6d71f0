"""The documentation site: navigation and links, without the API reference."""

import importlib.util
import logging
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytest.importorskip("mkdocs")
from mkdocs.commands.build import build
from mkdocs.config import load_config


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> tuple[Path, list[str]]:
    """Folder of the built site, and the warnings of the build."""
    folder, warnings = tmp_path_factory.mktemp("site"), []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: warnings.append(record.getMessage())
    logging.getLogger("mkdocs").addHandler(handler)
    try:
        config = str(ROOT / "mkdocs.yml")
        build(load_config(config, plugins=[], site_dir=str(folder)))
    finally:
        logging.getLogger("mkdocs").removeHandler(handler)
    return folder, warnings


def test_the_site_builds_without_warnings(site):
    assert site[1] == []


def test_links_lead_to_files_outside_of_docs(site):
    page = (site[0] / "distillation" / "index.html").read_text("utf-8")
    assert 'href="../configs/kd/pspnet_r50_kd.py"' in page
    assert (site[0] / "configs" / "kd" / "pspnet_r50_kd.py").is_file()
    page = (site[0] / "configs" / "kd" / "index.html").read_text("utf-8")
    assert 'href="../../significance/"' in page
    page = (site[0] / "CONTRIBUTING" / "index.html").read_text("utf-8")
    assert "](" not in page


def test_pages_load_nothing_from_the_network(site):
    page = (site[0] / "index.html").read_text("utf-8")
    assert "fonts.googleapis" not in page
    assert '<script src="http' not in page
    assert '<link rel="stylesheet" href="http' not in page


def test_every_package_is_in_the_api_reference():
    pages = "\n".join(
        page.read_text(encoding="utf-8")
        for page in (ROOT / "docs" / "api").glob("*.md")
    )
    modules = re.findall(r"^::: (\S+)$", pages, re.MULTILINE)
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []
    listed = {name.split(".")[1] for name in modules}
    packages = {
        path.parent.name for path in (ROOT / "mmseg_splashkd").glob("*/__init__.py")
    }
    assert packages - listed == set()
