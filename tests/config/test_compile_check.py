import pytest
from mmengine.config import Config

from mmseg_splashkd.config.compile_check import check_compile


@pytest.fixture(autouse=True)
def no_compiler(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")


@pytest.mark.parametrize("asked", [True, {}, {"mode": "default"}])
def test_a_compiler_is_needed(asked, monkeypatch, tmp_path):
    with pytest.raises(ValueError, match=r"needs a C\+\+ compiler.*apt install g\+\+"):
        check_compile(Config({"compile": asked}))
    (tmp_path / "mine").write_text("#!/bin/sh\n")
    (tmp_path / "mine").chmod(0o755)
    monkeypatch.setenv("CXX", str(tmp_path / "mine"))
    check_compile(Config({"compile": asked}))


@pytest.mark.parametrize("asked", [None, False, {"backend": "eager"}])
def test_what_compiles_nothing_needs_none(asked):
    check_compile(Config({"compile": asked}))


@pytest.mark.parametrize("asked", ["yes", 1, ["eager"]])
def test_another_value_is_refused(asked):
    with pytest.raises(ValueError, match="must be True, False or the arguments"):
        check_compile(Config({"compile": asked}))
