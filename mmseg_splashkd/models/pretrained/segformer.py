"""Names of the tensors of SegFormer's encoder in transformers and in MMSegmentation.

Source of the network: Xie et al., SegFormer, NeurIPS 2021. transformers stores query,
key and value apart, and 1x1 convolutions as linear layers.
"""

import logging
import re
from collections.abc import Mapping

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

# Part of a name in transformers, after "encoder." -> in MixVisionTransformer.
# i is the stage, j the layer in it.
BLOCK, LAYER = "block.{i}.{j}.", "layers.{i}.1.{j}."
PARTS = {
    "patch_embeddings.{i}.proj": "layers.{i}.0.projection",
    "patch_embeddings.{i}.layer_norm": "layers.{i}.0.norm",
    "layer_norm.{i}": "layers.{i}.2",
    f"{BLOCK}layer_norm_1": f"{LAYER}norm1",
    f"{BLOCK}layer_norm_2": f"{LAYER}norm2",
    f"{BLOCK}attention.self.sr": f"{LAYER}attn.sr",
    f"{BLOCK}attention.self.layer_norm": f"{LAYER}attn.norm",
    f"{BLOCK}attention.output.dense": f"{LAYER}attn.attn.out_proj",
    f"{BLOCK}mlp.dense1": f"{LAYER}ffn.layers.0",
    f"{BLOCK}mlp.dwconv.dwconv": f"{LAYER}ffn.layers.1",
    f"{BLOCK}mlp.dense2": f"{LAYER}ffn.layers.4",
}
OF_ATTENTION = re.compile(r"block\.(\d+)\.(\d+)\.attention\.self\.(\w+)\.(\w+)")
MERGED = re.compile(r"layers\.(\d+)\.1\.(\d+)\.attn\.attn\.in_proj_(\w+)")
QKV = ("query", "key", "value")
CONVOLUTIONS = ("ffn.layers.0.weight", "ffn.layers.4.weight")
ENCODER = re.compile(r"^(?:.*\.)?encoder\.(?=patch_embeddings\.|block\.|layer_norm\.)")


def is_of_transformers(names: Mapping[str, Tensor]) -> bool:
    """Whether tensors are those of SegFormer's encoder in transformers."""
    return any(
        name.endswith("encoder.patch_embeddings.0.proj.weight") for name in names
    )


def log_eps(network: nn.Module) -> None:
    """Say so if a network has another eps of LayerNorm than the weights were run with.

    transformers builds all LayerNorms with that of torch, whatever its config says.
    """
    eps = nn.LayerNorm(1).eps
    values = {m.eps for m in network.modules() if isinstance(m, nn.LayerNorm)}
    if values != {eps}:
        own = ", ".join(f"{each:g}" for each in sorted(values))
        print_log(
            f"transformers runs these weights with LayerNorm eps {eps:g}, the backbone "
            f"has {own}: for equal outputs set its "
            f"norm_cfg=dict(type='LN', eps={eps:g})",
            logger="current",
            level=logging.WARNING,
        )


def to_mmseg(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give an encoder of transformers the names of ``MixVisionTransformer``.

    Args:
        tensors: Of ``SegformerModel``, or of a network that contains one.

    Returns:
        Tensors of ``MixVisionTransformer``; those of a classifier or of a decode head
        keep their names.
    """
    renamed: dict[str, Tensor] = {}
    merged: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        own = ENCODER.sub("", name)
        if own == name:
            renamed[name] = value
        elif (match := OF_ATTENTION.fullmatch(own)) and match[3] in QKV:
            stage, layer, kind, end = match.groups()
            target = f"layers.{stage}.1.{layer}.attn.attn.in_proj_{end}"
            merged.setdefault(target, {})[kind] = value
        else:
            own = _renamed(own, PARTS)
            renamed[own] = value[..., None, None] if _is_convolution(own) else value
    for target, parts in merged.items():
        if parts.keys() == set(QKV):
            renamed[target] = torch.cat([parts[kind] for kind in QKV])
    return renamed


def to_transformers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors of ``MixVisionTransformer`` the names of ``SegformerModel``."""
    back = {own: its for its, own in PARTS.items()}
    renamed: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if match := MERGED.fullmatch(name):
            stage, layer, end = match.groups()
            start = f"encoder.block.{stage}.{layer}.attention.self"
            for kind, part in zip(QKV, value.chunk(3), strict=True):
                renamed[f"{start}.{kind}.{end}"] = part
        else:
            own = value.flatten(1) if _is_convolution(name) else value
            renamed[f"encoder.{_renamed(name, back)}"] = own
    return renamed


def _is_convolution(name: str) -> bool:
    return name.endswith(CONVOLUTIONS)


def _renamed(name: str, parts: Mapping[str, str]) -> str:
    """A name with the part that a table has; others as they are."""
    part, _, end = name.rpartition(".")
    for its, own in parts.items():
        pattern = re.escape(its).replace(r"\{i\}", r"(?P<i>\d+)")
        pattern = pattern.replace(r"\{j\}", r"(?P<j>\d+)")
        if match := re.fullmatch(pattern, part):
            return f"{own.format(**match.groupdict())}.{end}"
    return name
