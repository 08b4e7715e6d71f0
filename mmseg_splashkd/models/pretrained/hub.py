"""Writes models as folders that ``from_pretrained`` of transformers reads."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log
from mmseg.models.backbones import MixVisionTransformer
from torch import nn

from mmseg_splashkd.extras import import_extra
from mmseg_splashkd.models.adapters.transformers import TransformersSegmentor
from mmseg_splashkd.models.pretrained import segformer
from mmseg_splashkd.models.teacher.teacher import normalisation
from mmseg_splashkd.unwritable import writing

PARTS = ("model", "encoder")
HEAD_DIFFERS = (
    "MMSegmentation's SegformerHead applies batch norm and ReLU to each stage before "
    "it fuses them, the head of transformers does not, so that these weights have no "
    "place in SegformerForSemanticSegmentation"
)


def write_folder(
    segmentor: Any,
    folder: str | Path,
    part: str = "model",
    classes: Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
) -> None:
    """Write ``config.json``, ``model.safetensors`` and ``preprocessor_config.json``.

    Such a folder can be uploaded to the Hugging Face Hub as it is.
    ``TransformersSegmentor(network=dict(pretrained=folder))`` and
    ``PretrainedWeights(checkpoint=folder)`` read it back.

    Args:
        segmentor: A trained segmentor.
        folder: Where to write.
        part: ``'model'``: the whole network of a ``TransformersSegmentor``;
            ``'encoder'``: the ``MixVisionTransformer`` of any segmentor, as
            ``SegformerModel``.
        classes: Names of the classes, for the whole model.
        size: (H, W) that the preprocessor resizes images to; default: it does not.

    Raises:
        ValueError: The part is no network of transformers, or the segmentor takes other
            images than RGB.
        ImportError: transformers is not installed.
        OSError: The folder cannot be written.
    """
    if part not in PARTS:
        raise ValueError(f"part={part!r}: choose one of {PARTS}")
    library = import_extra("transformers", "folders of transformers", "transformers")
    if part == "model":
        network = network_of(segmentor, classes)
    else:
        network = encoder_of(segmentor.backbone)
    processor = _processor(library, network.config, normalisation(segmentor), size)
    with writing(folder):
        network.save_pretrained(folder)
        processor.save_pretrained(folder)
    if part == "encoder":
        _log_difference(library, network, folder)


def network_of(segmentor: Any, classes: Sequence[str] | None = None) -> Any:
    """The whole network of transformers in a segmentor, with its classifier.

    Args:
        segmentor: A ``TransformersSegmentor``.
        classes: Names of its classes; default ``LABEL_0`` and so on.

    Raises:
        ValueError: It is another segmentor, or its masks go through a convolution.
    """
    if not isinstance(segmentor, TransformersSegmentor):
        head = type(getattr(segmentor, "decode_head", segmentor)).__name__
        reason = HEAD_DIFFERS if "Segformer" in head else f"{head} has no place there"
        raise ValueError(
            f"part='model': transformers cannot hold a {type(segmentor).__name__} with "
            f"{head}: {reason}. Write its encoder by part='encoder', or train a "
            f"TransformersSegmentor, such as with network=dict(model_type='segformer')"
        )
    head = segmentor.decode_head
    if head.queries and head.mask_conv:
        raise ValueError(
            f"part='model': decode_head.mask_conv={head.mask_conv} is no part of the "
            f"network in transformers, and would be lost"
        )
    network: Any = copy.deepcopy(segmentor.backbone.model)
    if segmentor.classifier:
        network.set_submodule(segmentor.classifier, copy.deepcopy(head.conv_seg))
    if classes is not None:
        network.config.id2label = dict(enumerate(classes))
        network.config.label2id = {name: i for i, name in enumerate(classes)}
    return network.eval()


def encoder_of(backbone: nn.Module) -> Any:
    """A ``SegformerModel`` with the weights of a ``MixVisionTransformer``.

    Its LayerNorms have the eps of the backbone. transformers has no setting for it: a
    model that is built from a folder has that of torch, 1e-5.

    Raises:
        ValueError: It is another backbone, or has no bias in its attention.
        ImportError: transformers is not installed.
    """
    if not isinstance(backbone, MixVisionTransformer):
        raise ValueError(
            f"part='encoder' is SegFormer's MixVisionTransformer, not "
            f"{type(backbone).__name__}"
        )
    library = import_extra("transformers", "folders of transformers", "transformers")
    network = library.SegformerModel(config_of(library, backbone))
    network.load_state_dict(segformer.to_transformers(backbone.state_dict()))
    set_eps(network, eps_of(backbone))
    return network.eval()


def config_of(library: Any, backbone: Any) -> Any:
    """The ``SegformerConfig`` of a ``MixVisionTransformer``."""
    first = [stage[1][0] for stage in backbone.layers]
    widths = [layer.norm1.normalized_shape[0] for layer in first]
    if first[0].attn.attn.in_proj_bias is None:
        raise ValueError("backbone.qkv_bias=False: transformers has a bias there")
    ratios = [
        layer.ffn.feedforward_channels // width
        for layer, width in zip(first, widths, strict=True)
    ]
    last = backbone.layers[-1][1][-1].attn.dropout_layer
    return library.SegformerConfig(
        num_channels=backbone.layers[0][0].projection.in_channels,
        num_encoder_blocks=backbone.num_stages,
        depths=list(backbone.num_layers),
        sr_ratios=list(backbone.sr_ratios),
        hidden_sizes=widths,
        patch_sizes=list(backbone.patch_sizes),
        strides=list(backbone.strides),
        num_attention_heads=list(backbone.num_heads),
        mlp_ratios=ratios,
        drop_path_rate=getattr(last, "drop_prob", 0.0),
        layer_norm_eps=eps_of(backbone),
    )


def eps_of(network: nn.Module) -> float:
    """The eps of the LayerNorms of a network, which have one."""
    return next(m.eps for m in network.modules() if isinstance(m, nn.LayerNorm))


def set_eps(network: nn.Module, eps: float) -> None:
    """Set the eps of all LayerNorms of a network."""
    for module in network.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = eps


def _processor(
    library: Any, config: Any, applied: dict[str, Any], size: tuple[int, int] | None
) -> Any:
    """What scales and normalises images in transformers, as a segmentor does."""
    if not applied["swap_channels"]:
        raise ValueError(
            "data_preprocessor.bgr_to_rgb=False: this model takes BGR images, and "
            "transformers gives RGB"
        )
    kinds = library.models.auto.image_processing_auto.IMAGE_PROCESSOR_MAPPING
    kind = next(each for each in kinds[type(config)] if each is not None)
    settings: dict[str, Any] = {"do_resize": size is not None}
    if size is not None:
        settings["size"] = {"height": size[0], "width": size[1]}
    normalises = applied["mean"] is not None
    settings |= {"do_rescale": normalises, "do_normalize": normalises}
    for name in ("mean", "std") if normalises else ():
        settings[f"image_{name}"] = [round(value / 255, 7) for value in applied[name]]
    return kind(**settings)


def _log_difference(library: Any, network: Any, folder: str | Path) -> None:
    """Log what the eps of LayerNorm, which a folder cannot hold, changes."""
    eps = eps_of(network)
    its = library.SegformerModel.from_pretrained(folder).eval()
    if eps_of(its) == eps:
        return
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(1, network.config.num_channels, 64, 64, generator=generator)
    with torch.no_grad():
        ours, theirs = (each(images).last_hidden_state for each in (network, its))
    error = ((ours - theirs).norm() / ours.norm()).item()
    print_log(
        f"transformers builds LayerNorm with eps {eps_of(its):g}, this encoder has "
        f"{eps:g}: the last features of a random image differ by {error:.1g} of their "
        f"norm, and would not after training with "
        f"norm_cfg=dict(type='LN', eps={eps_of(its):g})",
        logger="current",
    )
