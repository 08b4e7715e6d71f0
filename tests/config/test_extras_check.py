import sys

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.extras_check import check_extras

CONFIGS = {
    "model.backbone.type='TIMMBackbone'": {
        "model": {"backbone": {"type": "TIMMBackbone", "model_name": "vgg16"}}
    },
    "optim_wrapper.optimizer.type='timm.optim.AdamP'": {
        "optim_wrapper": {"optimizer": {"type": "timm.optim.AdamP"}}
    },
    "model.heads[0].type='mmseg.TIMMBackbone'": {
        "model": {"heads": [{"type": "mmseg.TIMMBackbone"}]}
    },
}
OTHERS = {
    "SMPSegmentor": ("segmentation_models_pytorch", "smp"),
    "TransformersSegmentor": ("transformers", "transformers"),
}


@pytest.mark.parametrize("text", CONFIGS)
def test_a_missing_library_is_named_with_key_and_extra(text, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ImportError) as error:
        check_extras(Config(CONFIGS[text]))
    assert str(error.value) == (
        f"{text} and other types of timm need timm: pip install -e '.[timm]'"
    )


@pytest.mark.parametrize("kind", OTHERS)
def test_the_library_of_a_segmentor_is_needed(kind, monkeypatch):
    library, extra = OTHERS[kind]
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError) as error:
        check_extras(Config({"model": {"student": {"type": kind}}}))
    assert str(error.value) == (
        f"model.student.type={kind!r} and other types of {library} need {library}: "
        f"pip install -e '.[{extra}]'"
    )


def test_libraries_that_are_not_named_are_not_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    monkeypatch.setitem(sys.modules, "transformers", None)
    check_extras(Config({"model": {"type": "mmseg.EncoderDecoder"}}))


def test_an_installed_library_is_accepted():
    pytest.importorskip("timm")
    for config in CONFIGS.values():
        check_extras(Config(config))
