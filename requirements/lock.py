"""Lock the requirements: ``python requirements/lock.py``.

Writes ``requirements/<set>.txt``, with the SHA-256 of every file that may be installed,
for the default set and each extra, and from them ``requirements/sbom.cdx.json``
(CycloneDX) and ``requirements/licences.md``. Needs ``uv``; with ``--offline``, the last
two are written from the files that are there. Install a set by
``pip install --require-hashes -r requirements/default.txt`` and then
``pip install --no-deps -e .``
"""

import argparse
import json
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "requirements"
SBOM, LICENCES = FOLDER / "sbom.cdx.json", FOLDER / "licences.md"
DEFAULT = "default"
HOST = "onedl"  # part of every set
# The original host packages need another torch, and are not locked.
SETS = ("mmpretrain", "timm", "smp", "transformers", "lite", "data", "augment")
SETS += ("deploy", "follow", "parquet", "serve", "sweep", "mlflow", "tensorboard")
SETS += ("wandb", "docs", "dev")
OLDEST = "3.10"  # Python
PINNED = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
UNKNOWN = "not stated in the installed package"
ABSENT = "not installed where this list was made"


class Package(NamedTuple):
    """One locked version.

    Attributes:
        name: Name of the distribution.
        version: Its version.
        hashes: SHA-256 of its files.
    """

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def purl(self) -> str:
        """Package URL, its identity in an SBOM."""
        return f"pkg:pypi/{self.name.lower().replace('_', '-')}@{self.version}"


def lock(name: str) -> None:
    """Write the locked file of a set."""
    extras = [HOST] if name == DEFAULT else [HOST, name]
    chosen = [word for extra in extras for word in ("--extra", extra)]
    command = "uv pip compile --quiet --universal --no-header --python-version "
    command += OLDEST
    command += " --generate-hashes --no-annotate --constraint constraints.txt"
    target = FOLDER / f"{name}.txt"
    subprocess.run(
        [*command.split(), *chosen, "pyproject.toml", "-o", str(target)],
        cwd=ROOT,
        check=True,
    )


def read_lock(path: Path) -> Iterator[Package]:
    """The packages of a locked file."""
    for block in re.split(r"\n(?=\S)", path.read_text("utf-8")):
        if found := PINNED.match(block):
            yield Package(
                found["name"], found["version"], tuple(sorted(HASH.findall(block)))
            )


def packages() -> dict[Package, list[str]]:
    """Every locked version, and the sets that have it."""
    found: dict[Package, list[str]] = {}
    for name in (DEFAULT, *SETS):
        for package in read_lock(FOLDER / f"{name}.txt"):
            found.setdefault(package, []).append(name)
    return dict(sorted(found.items()))


def licence(name: str) -> str:
    """Licence of an installed package, as its metadata state it."""
    try:
        about: Any = metadata(name)
    except PackageNotFoundError:
        return ABSENT
    stated = about.get("License-Expression") or about.get("License") or ""
    classified = [
        each.rpartition(" :: ")[2]
        for each in about.get_all("Classifier") or ()
        if each.startswith("License :: ")
    ]
    short = stated.strip() if stated.strip() and "\n" not in stated.strip() else ""
    return short if 0 < len(short) < 60 else ", ".join(classified) or UNKNOWN


def sbom(found: dict[Package, list[str]]) -> dict:
    """CycloneDX 1.5 document; without a time, so that equal locks give equal files."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "library", "name": "mmseg_splashkd"}},
        "components": [_component(package, sets) for package, sets in found.items()],
    }


def _component(package: Package, sets: list[str]) -> dict:
    stated = licence(package.name)
    component = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "properties": [{"name": "mmseg_splashkd:set", "value": each} for each in sets]
        + [{"name": "mmseg_splashkd:sha256", "value": each} for each in package.hashes],
    }
    if stated not in (UNKNOWN, ABSENT):
        component["licenses"] = [{"license": {"name": stated}}]
    return component


def licences(found: dict[Package, list[str]]) -> str:
    """The page of licences."""
    lines = [
        "# Licences of the dependencies",
        "",
        "Made by `requirements/lock.py` from the locked files of this folder and the"
        " metadata of installed packages. This package is under Apache-2.0.",
        "",
        "| package | versions | sets | licence |",
        "|---|---|---|---|",
    ]
    versions: dict[str, list[str]] = {}
    sets: dict[str, list[str]] = {}
    for package, names in found.items():
        versions.setdefault(package.name, []).append(package.version)
        sets.setdefault(package.name, []).extend(names)
    for name, numbers in versions.items():
        of = list(dict.fromkeys(sets[name]))
        shown = "all" if len(of) == 1 + len(SETS) else ", ".join(of)
        text = licence(name).replace("|", "\\|")
        lines.append(f"| {name} | {', '.join(numbers)} | {shown} | {text} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Lock, and write what follows from the locks."""
    parser = argparse.ArgumentParser(description="Lock the requirements by hash.")
    parser.add_argument(
        "--offline", action="store_true", help="write SBOM and licences only"
    )
    parser.add_argument("sets", nargs="*", help="sets to lock, by default all")
    options = parser.parse_args()
    for name in () if options.offline else options.sets or (DEFAULT, *SETS):
        lock(name)
    found = packages()
    SBOM.write_text(json.dumps(sbom(found), indent=1) + "\n", encoding="utf-8")
    LICENCES.write_text(licences(found), encoding="utf-8")


if __name__ == "__main__":
    main()
