"""Locked files, SBOM and licences belong to each other, and to the constraints."""

import json
import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from requirements import lock as module
from tests.conftest import ROOT

SETS = (module.DEFAULT, *module.SETS)


@pytest.mark.parametrize("name", SETS)
def test_every_locked_version_has_hashes_and_is_a_constraint(name):
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    given = [Requirement(line) for line in lines if line and line[0] != "#"]
    pinned: dict[str, set[str]] = {}
    for each in given:
        pinned.setdefault(canonicalize_name(each.name), set()).add(str(each.specifier))
    locked = list(module.read_lock(module.FOLDER / f"{name}.txt"))
    text = (module.FOLDER / f"{name}.txt").read_text("utf-8")
    assert len(locked) == len(re.findall(r"^[a-zA-Z]", text, re.MULTILINE)) > 30
    for package in locked:
        assert package.hashes, package.name
        versions = pinned.get(canonicalize_name(package.name))
        assert versions is None or f"=={package.version}" in versions, package


def test_every_extra_is_locked():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    extras = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    names = set(re.findall(r"^(\w+) = \[", extras, re.MULTILINE))
    assert names == {module.HOST, "openmmlab", *module.SETS}


def test_the_sbom_lists_what_is_locked():
    document = json.loads(module.SBOM.read_text("utf-8"))
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.5")
    listed = {each["purl"] for each in document["components"]}
    assert listed == {package.purl for package in module.packages()}
    assert len(listed) == len(document["components"])


def test_the_page_of_licences_lists_what_is_locked():
    page = module.LICENCES.read_text("utf-8")
    rows = set(re.findall(r"^\| ([\w.-]+) \|", page, re.MULTILINE)) - {"package"}
    assert rows == {package.name for package in module.packages()}


def test_a_licence_is_read_from_the_installed_package():
    assert "MIT" in module.licence("pytest")
    assert module.licence("no-such-distribution") == module.ABSENT
