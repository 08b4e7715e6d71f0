"""What a wheel holds for MIM, and configs that inherit from an installed package."""

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.text import config_text
from mmseg_splashkd.shipped import config_path
from tests.conftest import CONFIGS, ROOT

MIM = ROOT / "mmseg_splashkd" / ".mim"
INDEX = MIM / "model-index.yml"
BUILD = "from setuptools import build_meta as b; b.build_{}({!r})"
SOURCES = ("pyproject.toml", "setup.cfg", "README.md", "LICENSE")


def build(source: Path, kind: str, out: Path) -> Path:
    """Build a wheel or an sdist of a source tree, without the network."""
    out.mkdir()
    command = [sys.executable, "-c", BUILD.format(kind, str(out))]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """The part of the checkout that is packed: a build writes into its source."""
    folder = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        shutil.copy(ROOT / name, folder)
    for name in ("mmseg_splashkd", "configs", "tools"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True)
    cached = folder / "tools" / "__pycache__"
    cached.mkdir(exist_ok=True)
    (cached / "train.pyc").touch()
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory) -> Path:
    return build(source, "wheel", tmp_path_factory.mktemp("wheel") / "out")


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The package of the wheel, in a folder as of site-packages."""
    folder = tmp_path_factory.mktemp("site")
    shutil.unpack_archive(wheel, folder, "zip")
    return folder / "mmseg_splashkd"


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {each: archive.read(each) for each in archive.namelist()}


@pytest.mark.slow
def test_a_wheel_holds_every_config_and_tool_where_mim_looks(installed):
    for name in ("configs", "tools"):
        there, ours = installed / ".mim" / name, ROOT / name
        assert not there.is_symlink()
        files = [each for each in ours.rglob("*") if each.is_file()]
        files = [each for each in files if "__pycache__" not in each.parts]
        assert files
        for each in files:
            packed = there / each.relative_to(ours)
            assert packed.read_bytes() == each.read_bytes(), packed
        assert not list(there.rglob("__pycache__"))


@pytest.mark.slow
def test_an_sdist_makes_the_same_wheel(source, wheel, tmp_path):
    sdist = build(source, "sdist", tmp_path / "sdist")
    shutil.unpack_archive(sdist, tmp_path, filter="data")
    unpacked = tmp_path / sdist.name.removesuffix(".tar.gz")
    again = contents(build(unpacked, "wheel", tmp_path / "again"))
    assert again == contents(wheel)


@pytest.mark.slow
def test_configs_of_a_wheel_are_read(installed, tmp_path):
    path = installed / "shipped.py"
    spec = importlib.util.spec_from_file_location("shipped_of_the_wheel", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = module.config_path("kd/segformer_b0_kd_pe001.py")
    assert Path(found).is_relative_to(installed)
    ours = read_config(CONFIGS / "kd" / "segformer_b0_kd_pe001.py")
    assert config_text(read_config(found)) == config_text(ours)
    assert Config.fromfile(found).model == ours.model


# The repository


def test_the_index_names_every_metafile():
    folders = {path.parent.name for path in CONFIGS.glob("*/*.py")} - {"_base_"}
    named = yaml.safe_load(INDEX.read_text("utf-8"))["Import"]
    assert named == [f"configs/{name}/metafile.yml" for name in sorted(folders)]


def test_mim_reads_the_index():
    modelindex = pytest.importorskip("modelindex")
    index = modelindex.load(str(INDEX))
    index.build_models_with_collections()
    named = [model.config for model in index.models]
    assert sorted(named) == sorted(
        path.relative_to(ROOT).as_posix() for path in CONFIGS.glob("[!_]*/*.py")
    )
    assert all((MIM / each).is_file() for each in named)


# Configs of others


@pytest.mark.parametrize("listed", [False, True])
def test_a_config_elsewhere_inherits_one_of_the_package(tmp_path, listed):
    call = '__import__("mmseg_splashkd").config_path("demo/segformer_b0_pond.py")'
    path = tmp_path / "mine.py"
    path.write_text(
        f"_base_ = {f'[{call}]' if listed else call}\n"
        "max_iters = 7\nmodel = dict(decode_head=dict(channels=8))\n"
    )
    cfg, by_host = read_config(path), Config.fromfile(path)
    assert cfg.model == by_host.model
    assert cfg.model.decode_head.channels == 8
    assert cfg.train_cfg.max_iters == 7  # carried to the base, by our reader alone
    assert "config_path" not in config_text(cfg)
    stored = tmp_path / "stored.py"
    stored.write_text(config_text(cfg))
    assert config_text(read_config(stored)) == config_text(cfg)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("kd/segformer_b0", "did you mean kd/segformer_b0.py or "),
        ("configs/kd/pspnet_r50.py", "did you mean kd/pspnet_r50.py or "),
        ("zzz", "see "),
        ("../tools/train.py", ""),
        (str(CONFIGS / "kd" / "segformer_b0.py"), ""),
    ],
)
def test_an_unknown_config_is_named_with_similar_ones(name, hint):
    with pytest.raises(FileNotFoundError, match=f"has no config {name!r}: {hint}"):
        config_path(name)
