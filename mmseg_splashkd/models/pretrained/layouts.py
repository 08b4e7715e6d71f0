"""Gives tensors of other libraries the names that a module of MMSegmentation has."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from mmseg.models.backbones import MixVisionTransformer, TIMMBackbone
from torch import Tensor, nn

from mmseg_splashkd.models.pretrained import segformer

# Of efficientnet_lite_pytorch -> of timm; blocks are renamed apart.
LITE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head"}
LITE |= {"_bn1": "bn2", "_fc": "classifier"}
BLOCK = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw"}
BLOCK |= {"_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3"}
FIRST_BLOCK = {"_depthwise_conv": "conv_dw", "_bn1": "bn1"}  # without expansion
FIRST_BLOCK |= {"_project_conv": "conv_pw", "_bn2": "bn2"}
OF_TIMM = "timm_model."


def flat(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """Tensors by name, of a file that may hold them under ``state_dict`` or ``model``.

    The prefix ``module.`` of a wrapper is removed.
    """
    for key in ("state_dict", "model"):
        if isinstance(content.get(key), Mapping):
            content = content[key]
            break
    return {
        name.removeprefix("module."): value
        for name, value in content.items()
        if isinstance(value, Tensor)
    }


def under(tensors: Mapping[str, Tensor], prefix: str | None) -> dict[str, Tensor]:
    """Tensors whose names begin with a prefix, without it.

    Raises:
        ValueError: There are none.
    """
    if not prefix:
        return dict(tensors)
    start = prefix.rstrip(".") + "."
    part = {
        name.removeprefix(start): value
        for name, value in tensors.items()
        if name.startswith(start)
    }
    if not part:
        tops = sorted({name.partition(".")[0] for name in tensors})
        raise ValueError(
            f"prefix={prefix!r} begins no name in the file, whose names begin with "
            f"{', '.join(tops[:8])}"
        )
    return part


def renamed_for(
    module: nn.Module, tensors: Mapping[str, Tensor]
) -> dict[str, Tensor] | None:
    """Tensors with the names of a module, where they are known under others.

    Known are: SegFormer's encoder of transformers for ``MixVisionTransformer``, and for
    ``TIMMBackbone`` any model of timm and the EfficientNet-Lite of
    ``efficientnet_lite_pytorch``.

    Args:
        module: The module that starts from them.
        tensors: By the names in the file.

    Returns:
        New names; None if nothing is known about them.
    """
    if isinstance(module, MixVisionTransformer):
        if not segformer.is_of_transformers(tensors):
            return None
        segformer.log_eps(module)
        return segformer.to_mmseg(tensors)
    if isinstance(module, TIMMBackbone):
        names = [name.removeprefix(OF_TIMM) for name in module.state_dict()]
        if "_conv_stem.weight" in tensors:
            tensors = lite_to_timm(tensors, names)
        return _of_features(tensors, names)
    return None


def lite_to_timm(
    tensors: Mapping[str, Tensor], names: Collection[str]
) -> dict[str, Tensor]:
    """Give an EfficientNet-Lite of ``efficientnet_lite_pytorch`` the names of timm.

    Args:
        tensors: By its names.
        names: Names of the ``tf_efficientnet_lite*`` of timm, which tell how its blocks
            are divided into stages.

    Returns:
        Names of timm; tensors of blocks that the model does not have keep theirs.
    """
    matches = (re.match(r"blocks\.(\d+)\.(\d+)\.", name) for name in names)
    blocks = sorted({(int(match[1]), int(match[2])) for match in matches if match})
    renamed = {}
    for name, value in tensors.items():
        part, _, end = name.rpartition(".")
        if match := re.fullmatch(r"_blocks\.(\d+)\.(\w+)", part):
            index, table = int(match[1]), BLOCK if int(match[1]) else FIRST_BLOCK
            if index < len(blocks) and match[2] in table:
                stage, block = blocks[index]
                name = f"blocks.{stage}.{block}.{table[match[2]]}.{end}"
        elif part in LITE:
            name = f"{LITE[part]}.{end}"
        renamed[name] = value
    return renamed


def _of_features(
    tensors: Mapping[str, Tensor], names: Collection[str]
) -> dict[str, Tensor]:
    """Names of a classifier of timm as those of its features.

    timm joins some names by ``_`` there, or puts them under ``model``.
    """
    own: dict[str, str] = {}
    for name in names:
        own[_joined(name)] = own[_joined(name.removeprefix("model."))] = name
    return {
        OF_TIMM + own[_joined(name)] if _joined(name) in own else name: value
        for name, value in tensors.items()
    }


def _joined(name: str) -> str:
    return name.removeprefix(OF_TIMM).replace(".", "_")
