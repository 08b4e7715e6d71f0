"""Networks of Hugging Face's transformers (extra ``transformers``)."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.logging import print_log
from mmengine.model import BaseModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import ConfigType, OptConfigType, OptMultiConfig
from torch import Tensor, nn
from torch.nn import functional as F

from mmseg_splashkd.extras import import_extra
from mmseg_splashkd.foreign import one_line
from mmseg_splashkd.models.adapters.network_config import (
    PRETRAINED,
    QUERY_MODELS,
    auto_class,
    config_of,
    patch_size,
)
from mmseg_splashkd.models.adapters.recording import (
    Recorded,
    channels_of,
    find_classifier,
    maps_of,
)
from mmseg_splashkd.models.adapters.sizes import cut_to, pad_to, rounded_up

# Models whose position embedding is built for config.image_size.
FIXED_SIZE = ("beit", "data2vec-vision", "eomt")
SMALLEST = 1e-6  # of a class score, before its logarithm
OURS, CLASSIFIER = "backbone.model.", "decode_head.conv_seg"
AUXILIARY = "auxiliary_head."


@MODELS.register_module()
class TransformersSegmentor(EncoderDecoder):
    """A segmentation network of transformers as an encoder-decoder.

    The backbone is the network up to its classifier, which is the decode head. Stage i
    is feature map i of its backbone or, if that has none, hidden state i; the last
    stage is the input of the classifier. The logits are those before the upsampling of
    the library, which MMSegmentation's takes the place of.

    Networks of queries (Mask2Former, MaskFormer, EoMT) give each class c a score per
    pixel, s_c = sum over queries of p(c | query) * p(pixel | query) without the class
    "no object" (Cheng et al., Per-Pixel Classification Is Not All You Need, 2021,
    section 3.4). The logits are log s_c, so that their softmax is s_c / sum of s.

    Weights of the library's own model, such as a ``model.safetensors``, load as they
    are, also as ``teacher_checkpoint``. Its auxiliary head, if any, is left out.

    Args:
        network: ``model_type``, such as ``'segformer'``, and any settings of its config
            class; or ``pretrained``, a local folder or a name of the Hugging Face Hub
            whose settings are read, and whose weights are loaded when training starts,
            and settings that differ. ``num_labels`` is set by the decode head.
        decode_head: Config of ``TransformersHead``.
        resize_masks: For networks of queries: whether masks are resized to the image
            before they are combined, as published, instead of the logits after it.
            Default True; False needs a sixteenth of the memory.
        auxiliary_head: Config of further heads on the stages.
        train_cfg: As in ``EncoderDecoder``.
        test_cfg: As in ``EncoderDecoder``; default whole frames.
        data_preprocessor: Normalisation; see ``preprocessor_config.json`` of weights.
        init_cfg: As in ``EncoderDecoder``.

    Raises:
        ImportError: transformers is not installed.
        ValueError: ``network`` is not that of a model for semantic segmentation, or
            its folder or name cannot be read.
    """

    def __init__(
        self,
        network: Mapping[str, Any],
        decode_head: ConfigType,
        resize_masks: bool = True,
        auxiliary_head: OptConfigType = None,
        train_cfg: OptConfigType = None,
        test_cfg: OptConfigType = None,
        data_preprocessor: OptConfigType = None,
        init_cfg: OptMultiConfig = None,
    ) -> None:
        labels = decode_head.get("out_channels") or decode_head["num_classes"]
        model = build_network(network, labels)
        queries = model.config.model_type in QUERY_MODELS
        self.classifier = "" if queries else find_classifier(model, labels)
        own = None
        if not queries:
            own = model.get_submodule(self.classifier)
            model.set_submodule(self.classifier, Recorded(own))
        super().__init__(
            backbone={
                "type": TransformersBackbone,
                "model": model,
                "classifier": self.classifier,
                "resize_masks": resize_masks,
            },
            decode_head={
                "align_corners": _aligns_corners(model),
                **decode_head,
                "classifier": own,
            },
            auxiliary_head=auxiliary_head,
            train_cfg=train_cfg,
            test_cfg=test_cfg or ConfigDict(mode="whole"),
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
        )
        self.pretrained = network.get(PRETRAINED)
        self._register_load_state_dict_pre_hook(_rename_weights, with_module=True)

    def init_weights(self) -> None:
        """Load the weights of ``network.pretrained``, if it is given.

        Raises:
            ValueError: They cannot be read, or some of the network have none.
        """
        super().init_weights()
        if self.pretrained:
            weights, new = read_weights(self.pretrained, self.backbone.model.config)
            self.load_state_dict(weights, strict=True)
            text = f"Loaded {self.pretrained}"
            text += f", without {', '.join(sorted(new))} (other shapes)" if new else ""
            print_log(text, logger="current")


class TransformersBackbone(BaseModule):
    """A network up to its classifier.

    Args:
        model: The network.
        classifier: Dotted name of the ``Recorded`` in the place of its classifier;
            empty for a network of queries.
        resize_masks: Whether the masks of queries are resized to the images.
    """

    def __init__(self, model: Any, classifier: str, resize_masks: bool) -> None:
        super().__init__()
        self.model = model
        self.classifier = classifier
        self.resize_masks = resize_masks
        self.channels = channels_of(model)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Feature maps (B, C_i, h_i, w_i), and what the decode head needs.

        The last one is the input of the classifier, or of a network of queries the last
        two are the masks (B, Q, h, w) and the class logits (B, C + 1, Q, 1).

        Raises:
            ValueError: The images are larger than the fixed size of the network.
        """
        size = (images.shape[-2], images.shape[-1])
        padded = self._padded_size(size)
        outputs, maps = maps_of(self.model, pad_to(images, padded))
        if self.classifier:
            last = [self.model.get_submodule(self.classifier).pop()]
        else:
            masks = outputs.masks_queries_logits
            if self.resize_masks:
                masks = F.interpolate(masks, padded, mode="bilinear")
            last = [masks]
        cut = [cut_to(each, size, padded) for each in (*maps, *last)]
        if not self.classifier:
            cut.append(outputs.class_queries_logits.transpose(1, 2)[..., None])
        return tuple(cut)

    def _padded_size(self, size: tuple[int, int]) -> tuple[int, int]:
        config = self.model.config
        if config.model_type not in FIXED_SIZE:
            return rounded_up(size, patch_size(config))
        side = config.image_size
        if max(size) > side:
            raise ValueError(
                f"images are {size[1]}x{size[0]}, and this {config.model_type} is "
                f"built for {side}x{side}: set network.image_size, or "
                f"test_cfg=dict(mode='slide', crop_size=({side}, {side}), "
                f"stride=({side // 2}, {side // 2})) and crops of that size"
            )
        return side, side


@MODELS.register_module()
class TransformersHead(BaseDecodeHead):
    """The classifier of a network, or what combines its queries.

    Args:
        num_classes: Number of classes C.
        classifier: The classifier; given by ``TransformersSegmentor``.
        align_corners: For resizing the logits; default as in the library: True for DPT,
            else False.
        mask_conv: For networks of queries: number of queries Q whose masks go through a
            3x3 convolution to the classes, without their class logits; default None:
            the published combination.
        **kwargs: ``loss_decode``, ``ignore_index``, ``out_channels``, ``threshold`` and
            ``sampler`` of the decode heads of MMSegmentation.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        classifier: Any = None,
        align_corners: bool = False,
        mask_conv: int | None = None,
        **kwargs: Any,
    ) -> None:
        channels = classifier.in_channels if classifier else mask_conv or num_classes
        super().__init__(
            in_channels=channels,
            channels=channels,
            num_classes=num_classes,
            dropout_ratio=0.0,
            align_corners=align_corners,
            init_cfg=None,
            **kwargs,
        )
        self.queries = classifier is None
        self.mask_conv = mask_conv
        if classifier is not None:
            self.conv_seg = classifier
        elif mask_conv:
            self.conv_seg = nn.Conv2d(mask_conv, self.out_channels, 3, padding=1)
        else:
            self.conv_seg = nn.Identity()

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Logits (B, C, h, w) for the outputs of ``TransformersBackbone``."""
        if not self.queries:
            return self.cls_seg(inputs[-1])
        *_, masks, classes = inputs
        if self.mask_conv:
            return self.cls_seg(masks)
        return log_scores(classes[..., 0].transpose(1, 2), masks)


def log_scores(classes: Tensor, masks: Tensor) -> Tensor:
    """Logarithms (B, C, h, w) of the class scores of queries.

    Args:
        classes: (B, Q, C + 1) logits, the last one of "no object".
        masks: (B, Q, h, w) logits.
    """
    shares = classes.float().softmax(-1)[..., :-1]
    scores = torch.einsum("bqc,bqhw->bchw", shares, masks.float().sigmoid())
    return scores.clamp_min(SMALLEST).log()


def build_network(network: Mapping[str, Any], labels: int) -> Any:
    """Build a network of the library with random weights.

    Args:
        network: ``model_type`` or ``pretrained``, and settings of the config class.
        labels: Number of logits per pixel.

    Raises:
        ImportError: The library is not installed.
        ValueError: ``network`` is not that of a model for semantic segmentation, has an
            unknown setting, or its folder or name cannot be read.
    """
    library = import_extra("transformers", "models of transformers", "transformers")
    config = config_of(library, network)
    config.num_labels = labels
    config.dtype = torch.float32  # files of half precision are trained as any other
    if hasattr(config, "use_auxiliary_head"):
        config.use_auxiliary_head = False  # it has no place in MMSegmentation's losses
    kind = auto_class(library, config)
    try:
        return kind.from_config(config)
    except (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError) as error:
        raise ValueError(
            f"network={dict(network)} cannot be built: {one_line(str(error))}"
        ) from error


def _aligns_corners(model: nn.Module) -> bool:
    """Whether a network aligns the corners when it resizes its logits."""
    resizing = [each for each in model.modules() if isinstance(each, nn.Upsample)]
    return any(each.align_corners for each in resizing)


def read_weights(source: str, config: Any) -> tuple[dict[str, Tensor], set[str]]:
    """Read the weights of a folder or a name of the Hub, tensors only.

    Args:
        source: Folder or name.
        config: Settings of the network that they are for.

    Returns:
        Weights of all of the network, and the names of those that are random, because
        the file has another shape there, as for other classes.

    Raises:
        ValueError: They cannot be read, or some of the network are missing.
    """
    library = import_extra("transformers", "models of transformers", "transformers")
    try:
        model, report = auto_class(library, config).from_pretrained(
            source,
            config=config,
            trust_remote_code=False,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(f"network.{PRETRAINED}={source!r}: {error}") from error
    new = {name for name, *_ in report["mismatched_keys"]}
    if missing := sorted(set(report["missing_keys"]) - new):
        raise ValueError(
            f"network.{PRETRAINED}={source!r} has no weights for {missing[:3]} "
            f"({len(missing)} in all): it is of another model"
        )
    return dict(model.state_dict()), new


def _rename_weights(module: Any, state_dict: dict, prefix: str, *_: Any) -> None:
    """Give weights of the library's own model the names of ours."""
    if any(key.startswith(prefix + OURS) for key in state_dict):
        return
    classifier = f"{module.classifier}."
    for key in list(state_dict):
        own = key.removeprefix(prefix)
        value = state_dict.pop(key)
        if module.classifier and own.startswith(classifier):
            own = f"{CLASSIFIER}.{own.removeprefix(classifier)}"
        elif own.startswith(AUXILIARY):
            continue
        else:
            own = OURS + own
        state_dict[prefix + own] = value
