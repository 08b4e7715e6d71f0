"""Bases of a file are found as MMEngine finds them."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.chain import read_chain
from tests.conftest import CONFIGS


def bases_of(path: Path) -> list[Path]:
    """Local files that a file inherits."""
    return [each.path for each in read_chain(path).bases if not isinstance(each, str)]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "_base_ = 'one.py'",
        "_base_ = ['one.py', 'two.py']",
        "_base_ = []",
        "_base_ = ['one.py']\n_base_ = ['two.py']",
        "a = 1; _base_ = ['one' + '.py']",
        "_base_ = f'{\"one\"}.py'",
        "b = _base_ = ['one.py']",
        "_base_: str = 'one.py'",
    ],
)
def test_bases_are_those_of_the_host(tmp_path, line):
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(f"{name} = 1\n")
    path = tmp_path / "mine.py"
    path.write_text(line)
    for _ in range(2):
        found = [each.name for each in bases_of(path)]
        assert found == Config._get_base_files(str(path))


def test_a_file_that_cannot_be_parsed_is_left_to_the_host(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("_base_ = (")
    with pytest.raises(SyntaxError, match="syntax errors in config file"):
        read_chain(path)


@pytest.mark.parametrize("value", ["3", "None", "('one.py',)"])
def test_bases_of_another_type_are_refused_as_before(tmp_path, value):
    path = tmp_path / "mine.py"
    path.write_text(f"_base_ = {value}")
    with pytest.raises((AttributeError, TypeError)):
        read_chain(path)


def test_bases_that_a_file_names_later_are_read(tmp_path):
    path = tmp_path / "mine.py"
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text("")
        path.write_text(f"_base_ = '{name}.py'")
        assert [each.stem for each in bases_of(path)] == [name]


def test_bases_of_a_shipped_config():
    folder = CONFIGS / "kd"
    bases = bases_of(folder / "segformer_b0_kd_pe001.py")
    assert bases == [folder / "segformer_b0_kd.py"]
