"""Weights fill all of a module, or the error lists what they do not fill."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from safetensors.torch import save_file
from torch import nn

from mmseg_splashkd.models import foreign_weights
from mmseg_splashkd.models.foreign_weights import WeightsError, safe_init
from mmseg_splashkd.models.pretrained import PretrainedWeights
from mmseg_splashkd.models.pretrained.filled import compare


class Network(BaseModule):
    """A backbone and a classifier, as whole models have them."""

    def __init__(self, classes: int = 2, init_cfg: Any = None) -> None:
        super().__init__(init_cfg)
        self.body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        self.head = nn.Linear(4, classes)


def network(classes: int = 2, seed: int = 0, **init_cfg: Any) -> Network:
    torch.manual_seed(seed)
    return Network(classes, ConfigDict(init_cfg) if init_cfg else None)


def weights_of(model: nn.Module, path: Path, **more: torch.Tensor) -> str:
    save_file({**model.state_dict(), **more}, path)
    return str(path)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "w.safetensors"


def start(model: Network, monkeypatch: pytest.MonkeyPatch) -> str:
    """Initialise a model as runs do, and return what is logged."""
    logged: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(
            foreign_weights, "print_log", lambda text, **_: logged.append(text)
        )
        with safe_init(model):
            model.init_weights()
    return "\n".join(logged)


def assert_filled(model: nn.Module, source: nn.Module, but: str = "none") -> None:
    its = source.state_dict()
    for name, value in model.state_dict().items():
        if not name.startswith(but):
            assert torch.equal(value, its[name]), name


@pytest.mark.parametrize("kind", ["PretrainedWeights", "mmengine.PretrainedWeights"])
def test_weights_fill_all(path, kind, monkeypatch):
    source = network(seed=1)
    weights_of(source, path, extra=torch.ones(2))
    model = network(type=kind, checkpoint=str(path))
    text = start(model, monkeypatch)
    assert_filled(model, source)
    assert "Network starts from" in text
    assert "8 of 8 tensors are those of the file; not used of the file: extra" in text
    assert model.init_cfg == {"type": kind, "checkpoint": str(path)}


@pytest.mark.parametrize("runner", ["ours", "the host's"])
def test_parts_with_an_initialisation_of_their_own_are_filled(
    path, monkeypatch, runner
):
    """As of mmcv's ConvModule, which is initialised after the module it is in."""

    class Zeroed(nn.Linear):
        def init_weights(self) -> None:
            nn.init.zeros_(self.weight)

    source = network(seed=1)
    weights_of(source, path)
    model = network(type="PretrainedWeights", checkpoint=str(path))
    model.head = Zeroed(4, 2)
    if runner == "ours":
        start(model, monkeypatch)
    else:
        model.init_weights()
    assert_filled(model, source)


@pytest.mark.parametrize("kind", ["PretrainedWeights", "Pretrained"])
def test_a_head_of_other_classes(path, kind, monkeypatch):
    source = network(classes=5, seed=1)
    weights_of(source, path)
    model = network(type=kind, checkpoint=str(path))
    shapes = r"of another shape there: head\.weight \(2, 4\), not \(5, 4\), head\.bias"
    if kind == "Pretrained":
        assert "6 of 8 tensors" in start(model, monkeypatch)
    else:
        with pytest.raises(WeightsError, match=shapes):
            start(model, monkeypatch)
        model = network(type=kind, checkpoint=str(path), new=["head"])
        text = start(model, monkeypatch)
        assert "6 of 6 tensors are those of the file; random: head" in text
    assert_filled(model, source, but="head.")


def test_missing_weights_are_an_error(path, monkeypatch):
    source = network(seed=1)
    weights = source.state_dict()
    del weights["body.1.running_var"], weights["head.bias"]
    save_file(weights, path)
    model = network(type="PretrainedWeights", checkpoint=str(path))
    message = r"model\.init_cfg=.*6 of 8 .*any there: body\.1\.running_var, head\.bias"
    with pytest.raises(WeightsError, match=message):
        start(model, monkeypatch)


def test_parts_of_a_file_by_other_names(path, monkeypatch):
    source = network(seed=1)
    its = {
        name.replace("body", "trunk.b"): v for name, v in source.state_dict().items()
    }
    save_file({f"net.{name}": value for name, value in its.items()}, path)
    options: dict[str, Any] = {"prefix": "net", "mapping": {"trunk.b": "body"}}
    model = network(type=PretrainedWeights, checkpoint=str(path), **options)
    start(model, monkeypatch)
    assert_filled(model, source)
    faults: Any = (
        ({"prefix": "no"}, "prefix='no' begins no name"),
        ({"prefix": "net", "mapping": {"no": ""}}, "mapping: 'no' begins no name"),
        ({"prefix": "net", "new": ["no"]}, "new: 'no' is no part of Network"),
    )
    for wrong, message in faults:
        model = network(type=PretrainedWeights, checkpoint=str(path), **wrong)
        with pytest.raises(WeightsError, match=message):
            start(model, monkeypatch)


def test_what_fits_nothing_is_an_error_for_the_host_s_type_too(path, monkeypatch):
    save_file({"other.weight": torch.ones(3)}, path)
    model = network(type="Pretrained", checkpoint=str(path))
    with pytest.raises(WeightsError, match="they fill nothing of Network: "):
        start(model, monkeypatch)


def test_the_host_alone_fills_all_too(path):
    source = network(seed=1)
    model = network(type="PretrainedWeights", checkpoint=weights_of(source, path))
    model.init_weights()
    assert_filled(model, source)
    with pytest.raises(ValueError, match="they do not fill Network"):
        PretrainedWeights(str(path))(network(classes=3))


def test_renamed_tensors_count_as_filled_and_changed_ones_do_not():
    source = network(seed=1)
    renamed = {f"x.{name}": value for name, value in source.state_dict().items()}
    filled = compare(source, renamed)
    assert (filled.number, filled.unused) == (8, [])
    renamed["x.head.bias"] = renamed["x.head.bias"].half()
    assert compare(source, renamed).missing == ["head.bias"]
    changed = {**source.state_dict(), "head.bias": torch.zeros(2)}
    filled = compare(source, changed)
    assert (filled.changed, filled.number) == (["head.bias"], 7)
    assert "with other values there: head.bias" in str(filled)
