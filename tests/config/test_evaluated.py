"""A config is evaluated anew where anything but its text may have changed."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.chain import read_chain
from mmseg_splashkd.config.evaluated import is_plain
from mmseg_splashkd.config.variables import read_file
from tests.conftest import CONFIGS

ALL = sorted(CONFIGS.glob("[!_]*/*.py"))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_nothing_but_its_text_decides_what_a_shipped_config_sets(path):
    assert all(map(is_plain, (chain := read_chain(path), *chain.inherited)))


@pytest.mark.parametrize("name", ["kd/segformer_b0", "grasp/pspnet_r50_grasp_kd"])
def test_values_are_those_of_the_host_and_belong_to_the_caller(name):
    path = CONFIGS / f"{name}.py"
    for _ in range(2):
        cfg = read_file(path)
        assert cfg.to_dict() == Config.fromfile(path).to_dict()
        cfg.model.clear()
        cfg.val_dataloader.dataset.pipeline.clear()


def test_values_that_a_file_shares_are_shared(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("a = dict(b=[1])\nc = a\n")
    for _ in range(2):
        cfg, by_host = read_file(path)._cfg_dict, Config.fromfile(path)._cfg_dict
        assert (cfg.a is cfg.c) == (by_host.a is by_host.c)


def test_a_changed_file_is_read_anew(tmp_path):
    mine, base = tmp_path / "mine.py", tmp_path / "base.json"
    mine.write_text('_base_ = "base.json"\n')
    for value in (1, 2):
        base.write_text(f'{{"a": {value}}}')
        assert read_file(mine).a == value
    mine.write_text('_base_ = "base.json"\na = 3\n')
    assert read_file(mine, check=False).a == 3


def test_a_changed_variable_of_the_environment_is_read_anew(tmp_path, monkeypatch):
    path = tmp_path / "mine.py"
    path.write_text("a = '{{$OF_A_TEST:x}}'\n")
    for value in ("one", "two"):
        monkeypatch.setenv("OF_A_TEST", value)
        assert read_file(path).a == value


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "line",
    [
        "a = open({!r}).read()",
        "a = __builtins__['open']({!r}).read()",
        "a = __import__('pathlib').Path({!r}).read_text()",
        "a = ().__class__.__base__.__subclasses__() and open({!r}).read()",
        "from pathlib import Path\na = Path({!r}).read_text()",
        "import pathlib as b\na = b.Path({!r}).read_text()",
        "def a():\n    return open({!r}).read()\na = a()",
    ],
)
def test_a_file_that_reads_another_one_is_evaluated_each_time(tmp_path, line):
    other, path = tmp_path / "other.txt", tmp_path / "mine.py"
    path.write_text(line.format(str(other)) + "\n")
    inherits = tmp_path / "inherits.py"
    inherits.write_text('_base_ = "mine.py"\n')
    for value in ("one", "two"):
        other.write_text(value)
        assert read_file(path).a == read_file(inherits).a == value


def test_a_file_prints_and_warns_each_time(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text("a = 1\nprint('seen')\n")
    warns = tmp_path / "warns.py"
    warns.write_text("_deprecation_ = dict(expected='b.py', reference='c')\n")
    for _ in range(2):
        read_file(path)
        with pytest.warns(DeprecationWarning, match=r"b\.py"):
            read_file(warns)
    assert capsys.readouterr().out.split() == ["seen"] * 2


def test_functions_among_the_values_are_read(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def f():\n    return 1\na = dict(b=f)\n")
    for _ in range(2):
        assert read_file(path).a.b() == 1


def test_given_values_keep_their_kind(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("a = 0\nb = a\n")
    for value in (1, True, 1.0, "1", [1], (1,)):
        found = read_file(path, {"a": value}, check=False).b
        assert (found, type(found)) == (value, type(value))


def test_an_error_is_raised_each_time(tmp_path):
    path = Path(tmp_path, "mine.py")
    path.write_text("a = dict()[1]\n")
    for _ in range(2):
        with pytest.raises(KeyError):
            read_file(path)
