import pytest

from mmseg_splashkd.config.embedded import check_inert, embedded_values
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.text import config_text, text_values, values_text
from tests.conftest import DISTILLED
from tests.records.builders import record


def test_the_values_of_a_recorded_config_are_returned():
    cfg = read_config(DISTILLED)
    values = embedded_values(record(config_text=config_text(cfg)))
    assert values == cfg.to_dict()


@pytest.mark.parametrize(
    "kind",
    [
        "EncoderDecoder",
        "mmseg.EncoderDecoder",
        "mmengine.MMDistributedDataParallel",
        "mmseg.models.EncoderDecoder",
        "mmseg.models.segmentors.encoder_decoder.EncoderDecoder",
        "mmseg_splashkd.models.segmentors.distill_segmentor.DistillSegmentor",
        "torch.optim.adamw.AdamW",
        "NameOfAnUnknownPlugin",  # an error when it is built, and no more
    ],
)
def test_registered_types_are_data(kind):
    check_inert({"model": {"type": kind}}, "config")


@pytest.mark.parametrize(
    "kind",
    [
        "subprocess.Popen",
        "os.system",
        "builtins.eval",
        "json",
        "torch.load",
        "mmengine.load",
        "mmengine.fileio.load",
        "mmseg.registry.MODELS",
        "mmseg.models.EncoderDecoder.__init__.__globals__",
        "eval(1)",
        "RFSearchHook",
        "mmengine.RFSearchHook",
        ".os",
        "os.",
        "",
    ],
)
def test_other_types_are_code(kind):
    with pytest.raises(ValueError, match=r"^config has a\.0\.type=.* give --trust$"):
        check_inert({"a": [{"type": kind}]}, "config")


def test_yaml_of_this_package_is_read_safely():
    check_inert({"dataset": {"label_coding": "pond.yaml"}}, "config")
    with pytest.raises(ValueError, match=r"ann_file='a\.yaml', a format that can hold"):
        check_inert({"dataset": {"ann_file": "a.yaml"}}, "config")


def test_trust_takes_a_config_as_it_is():
    given = record(config_text="model = {'type': 'my.Model'}\n")
    assert embedded_values(given, trust=True) == {"model": {"type": "my.Model"}}
    with pytest.raises(ValueError, match=r"model\.type='my\.Model', which is in no"):
        embedded_values(given)
    with pytest.raises(ValueError, match="more than values"):
        embedded_values(record(config_text="import os\n"), trust=True)


def test_numbers_that_are_not_finite_are_values():
    values = {"a": [float("inf"), -float("inf")], "b": {"c": 1.5}}
    text = values_text(values)
    assert text == "a = [float('inf'), float('-inf')]\nb = {'c': 1.5}\n"
    assert text_values(text) == values
    assert repr(text_values("a = float('nan')")["a"]) == "nan"
    for code in ("float(1)", "float('x')", "float(*'1')", "dict(**{'a': 1})"):
        with pytest.raises(ValueError, match="more than values"):
            text_values(f"a = {code}")
