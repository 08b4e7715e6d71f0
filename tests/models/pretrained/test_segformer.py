"""SegFormer's encoders have equal outputs in transformers and in MMSegmentation."""

import functools
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_splashkd.models.pretrained import hub
from mmseg_splashkd.models.pretrained.layouts import renamed_for
from mmseg_splashkd.models.pretrained.segformer import to_mmseg, to_transformers
from tests.conftest import CONFIGS

transformers: Any = pytest.importorskip("transformers")

SIZES = {"depths": [1, 2, 1, 1], "hidden_sizes": [8, 16, 24, 32]}
SIZES |= {"num_attention_heads": [1, 2, 3, 4], "mlp_ratios": [2, 2, 2, 2]}
OURS = {"type": "MixVisionTransformer", "embed_dims": 8, "num_layers": [1, 2, 1, 1]}
OURS |= {"num_heads": [1, 2, 3, 4], "mlp_ratio": 2}
TABLE = {  # Xie et al., 2021, table 6: layers and width of the first stage
    "b0": ([2, 2, 2, 2], 32),
    "b1": ([2, 2, 2, 2], 64),
    "b2": ([3, 4, 6, 3], 64),
    "b3": ([3, 4, 18, 3], 64),
    "b4": ([3, 8, 27, 3], 64),
    "b5": ([3, 6, 40, 3], 64),
}


def shuffled(model: Any) -> Any:
    """Random values for all weights, also for those that start as 0 or 1."""
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.2
    return model.eval()


def stages(model: Any, images: Tensor) -> list[Tensor]:
    with torch.no_grad():
        if isinstance(model, transformers.SegformerModel):
            return list(model(images, output_hidden_states=True).hidden_states)
        return list(model(images))


def images() -> Tensor:
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))


def assert_equal_stages(ours: Any, its: Any) -> None:
    for own, other in zip(stages(ours, images()), stages(its, images()), strict=True):
        torch.testing.assert_close(own, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["SegformerModel", "SegformerForSemanticSegmentation"])
def test_an_encoder_of_transformers_in_mmsegmentation(kind):
    config = transformers.SegformerConfig(**SIZES, decoder_hidden_size=8)
    its = shuffled(getattr(transformers, kind)(config))
    ours = MODELS.build({**OURS, "norm_cfg": {"type": "LN", "eps": 1e-5}}).eval()
    tensors = renamed_for(ours, its.state_dict())
    assert tensors is not None
    head = [name for name in tensors if name.startswith("decode_head.")]
    assert bool(head) == (kind != "SegformerModel")
    ours.load_state_dict({n: v for n, v in tensors.items() if n not in head})
    assert_equal_stages(ours, getattr(its, "segformer", its))


@pytest.mark.parametrize("eps", [1e-6, 1e-3])
def test_an_encoder_of_mmsegmentation_in_transformers(eps):
    ours = shuffled(MODELS.build({**OURS, "norm_cfg": {"type": "LN", "eps": eps}}))
    its = hub.encoder_of(ours)
    assert its.config.layer_norm_eps == hub.eps_of(its) == eps
    assert_equal_stages(ours, its)
    back = to_mmseg(its.state_dict())
    assert back.keys() == ours.state_dict().keys()
    assert all(torch.equal(back[n], v) for n, v in ours.state_dict().items())


@pytest.mark.parametrize("name", TABLE)
def test_b0_to_b5_have_all_tensors_both_ways(name, monkeypatch):
    # The host reads numbers of this one while it builds.
    linspace = functools.partial(torch.linspace, device="cpu")
    monkeypatch.setattr(torch, "linspace", linspace)
    depths, width = TABLE[name]
    widths = [width * heads for heads in (1, 2, 5, 8)]
    cfg = Config.fromfile(CONFIGS / "_base_" / "models" / f"segformer_{name}.py").model
    with torch.device("meta"):
        ours = MODELS.build({**cfg.backbone, "init_cfg": None})
        its = transformers.SegformerModel(
            transformers.SegformerConfig(depths=depths, hidden_sizes=widths)
        )

    def shapes(tensors: dict[str, Tensor]) -> dict[str, torch.Size]:
        return {name: value.shape for name, value in tensors.items()}

    assert shapes(to_mmseg(its.state_dict())) == shapes(ours.state_dict())
    assert shapes(to_transformers(ours.state_dict())) == shapes(its.state_dict())


def test_another_eps_is_named(monkeypatch):
    its = transformers.SegformerModel(transformers.SegformerConfig(**SIZES))
    logged: list[str] = []
    monkeypatch.setattr(
        "mmseg_splashkd.models.pretrained.segformer.print_log",
        lambda text, **_: logged.append(text),
    )
    renamed_for(MODELS.build({**OURS, "norm_cfg": {"type": "LN"}}), its.state_dict())
    assert logged == []
    renamed_for(MODELS.build(OURS), its.state_dict())
    assert "eps 1e-05, the backbone has 1e-06" in logged[0]
    assert "norm_cfg=dict(type='LN', eps=1e-05)" in logged[0]
