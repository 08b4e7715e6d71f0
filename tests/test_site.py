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


def test_every_module_is_in_the_api_reference_once():
    pages = [page.read_text("utf-8") for page in (ROOT / "docs" / "api").glob("*.md")]
    listed = re.findall(r"^::: (\S+)$", "\n".join(pages), re.MULTILINE)
    assert [name for name in listed if importlib.util.find_spec(name) is None] == []
    for path in (ROOT / "mmseg_splashkd").rglob("[!_]*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        pages = [page for page in listed if f"{name}.".startswith(f"{page}.")]
        unlisted = name in ("mmseg_splashkd.demo", "mmseg_splashkd.version")
        assert len(pages) == (0 if unlisted else 1), f"{name} is shown by {pages}"
