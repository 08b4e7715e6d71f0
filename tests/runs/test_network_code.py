"""Changes of code that builds a network are seen, of the user's own modules too."""

import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import MODELS as ROOT
from mmseg.registry import MODELS

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.files import file_sha256
from mmseg_splashkd.runs.describe import describe
from mmseg_splashkd.runs.network_code import network_code
from tests.conftest import DISTILLED

HEAD = """
from mmseg.models import FCNHead
from mmseg.registry import MODELS
from {helper} import width

@MODELS.register_module(name="{name}")
class Head(FCNHead):
    pass
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module with a head, and one that it imports from."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names = head, helper = "head_of_a_test", "helper_of_a_test"
    (tmp_path / f"{helper}.py").write_text("def width():\n    return 4\n")
    text = HEAD.format(helper=helper, name="HeadOfATest")
    (tmp_path / f"{head}.py").write_text(text)
    __import__(head)
    yield tmp_path / f"{head}.py", tmp_path / f"{helper}.py"
    for name in names:
        del sys.modules[name]
    for registry in (MODELS, ROOT):
        registry.module_dict.pop("HeadOfATest", None)


def config(kind: object) -> Config:
    return Config({"model": {"type": "EncoderDecoder", "heads": [{"type": kind}]}})


@pytest.mark.parametrize("scope", ["", "mmseg."])
def test_own_modules_and_what_they_import_are_hashed(mine: tuple[Path, Path], scope):
    cfg = config(f"{scope}HeadOfATest")
    before = network_code(cfg)
    for path in mine:
        assert before[path.stem] == file_sha256(path)
    assert "mmseg.models.decode_heads.fcn_head" in before  # its base class
    assert not [name for name in before if name.startswith(("torch", "abc", "numpy"))]
    for path in mine:
        path.write_text(path.read_text() + "# other\n")
        after = network_code(cfg)
        assert [name for name in after if after[name] != before[name]] == [path.stem]
        before = after


def test_a_class_as_type_is_hashed_like_its_name(mine):
    kind = MODELS.get("HeadOfATest")
    assert network_code(config(kind)) == network_code(config("HeadOfATest"))


def test_a_network_is_recorded_with_student_teacher_and_losses():
    cfg = read_config(DISTILLED)
    found = network_code(cfg)
    assert {
        "mmseg.models.backbones.mit",
        "mmseg_splashkd.models.segmentors.distill_segmentor",
        "mmseg_splashkd.models.teacher.teacher",
        "mmseg_splashkd.models.losses.functional.logits",
    } <= found.keys()
    assert not [name for name in found if name.startswith("mmseg_splashkd.records")]
    assert len(found) < 60
    assert network_code(Config({"model": {"type": "NoSuchModel"}})) == {}


def test_a_record_holds_the_hashes(photos, tmp_path):
    from tests.photos import write_config

    cfg = read_config(write_config(tmp_path / "photos.py", photos))
    record, _ = describe(cfg, "photos.py", {})
    assert record.code.sources == network_code(cfg) != {}
