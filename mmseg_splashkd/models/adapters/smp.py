"""Networks of segmentation_models.pytorch (extra ``smp``)."""

import inspect
from collections.abc import Mapping
from typing import Any

from mmengine.config import ConfigDict
from mmengine.logging import print_log
from mmengine.model import BaseModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import ConfigType, OptConfigType, OptMultiConfig
from torch import Tensor, nn

from mmseg_splashkd.extras import import_extra
from mmseg_splashkd.models.adapters.sizes import cut_to, pad_to, rounded_up

LIBRARY = "segmentation_models_pytorch"
WEIGHTS = "encoder_weights"
RGB = 3
OWNERS = {"encoder": "backbone", "decoder": "decode_head"}
SET_BY_HEAD = {
    "classes": "set decode_head.num_classes",
    "activation": "losses and metrics take logits",
    "aux_params": "set auxiliary_head",
}


@MODELS.register_module()
class SMPSegmentor(EncoderDecoder):
    """A network of segmentation_models.pytorch as an encoder-decoder.

    Its encoder is the backbone; stage i is feature i of the encoder, where stage 0 is
    the image. Its decoder and segmentation head are the decode head, whose logits are
    those before the library's own upsampling, which MMSegmentation's takes the place
    of. Frames of any size are padded, for the networks that need it, to the next
    multiple of their stride.

    Weights of the library's own model, such as ``torch.save(model.state_dict())`` of
    it, load as they are, also as ``teacher_checkpoint``.

    Args:
        network: Arguments of ``segmentation_models_pytorch.create_model``: ``arch``,
            ``encoder_name``, and any of that architecture. ``encoder_weights`` is the
            name of weights that are downloaded when training starts; default None.
            ``classes`` are set by the decode head.
        decode_head: Config of ``SMPHead``.
        auxiliary_head: Config of further heads on the features.
        train_cfg: As in ``EncoderDecoder``.
        test_cfg: As in ``EncoderDecoder``; default whole frames.
        data_preprocessor: Normalisation; see
            ``segmentation_models_pytorch.encoders.get_preprocessing_params``.
        init_cfg: As in ``EncoderDecoder``.

    Raises:
        ImportError: segmentation_models.pytorch is not installed.
        ValueError: ``network`` names classes or an activation, or the library refuses
            it.
    """

    def __init__(
        self,
        network: Mapping[str, Any],
        decode_head: ConfigType,
        auxiliary_head: OptConfigType = None,
        train_cfg: OptConfigType = None,
        test_cfg: OptConfigType = None,
        data_preprocessor: OptConfigType = None,
        init_cfg: OptMultiConfig = None,
    ) -> None:
        channels = decode_head.get("out_channels") or decode_head["num_classes"]
        model = build_network(network, channels)
        super().__init__(
            backbone={
                "type": SMPEncoder,
                "model": model,
                "pretrained": dict(network) if network.get(WEIGHTS) else None,
            },
            decode_head={
                **decode_head,
                "model": model,
                "image_channels": network.get("in_channels", RGB),
            },
            auxiliary_head=auxiliary_head,
            train_cfg=train_cfg,
            test_cfg=test_cfg or ConfigDict(mode="whole"),
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
        )
        self._register_load_state_dict_pre_hook(_rename_weights, with_module=True)


class SMPEncoder(BaseModule):
    """The encoder of a network.

    Args:
        model: The network.
        pretrained: Arguments of the network, with the ``encoder_weights`` that are
            loaded when training starts; None for none.
    """

    def __init__(self, model: Any, pretrained: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.encoder = model.encoder
        self.pretrained = pretrained
        self.divisor = divisor(model)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The images (B, 3, H, W) and the features (B, C_i, h_i, w_i).

        The prefix tokens of a transformer follow, each as (B, C, tokens, 1).
        """
        size = rounded_up((images.shape[-2], images.shape[-1]), self.divisor)
        features = self.encoder(pad_to(images, size))
        if isinstance(features, list):  # the first one is the padded images
            return (images, *features[1:])
        maps, tokens = features
        given = [each for each in tokens if each is not None]
        columns = [each.transpose(1, 2)[..., None] for each in given]
        return (images, *maps, *columns)

    def init_weights(self) -> None:
        """Load the weights of the encoder that the library publishes."""
        if self.pretrained is None:
            return
        network = build_network(self.pretrained, 1, pretrained=True)
        self.encoder.load_state_dict(network.encoder.state_dict())
        name = self.pretrained[WEIGHTS]
        print_log(f"Loaded encoder_weights={name!r}", logger="current")


@MODELS.register_module()
class SMPHead(BaseDecodeHead):
    """Decoder and segmentation head of a network.

    Args:
        model: The network; given by ``SMPSegmentor``.
        num_classes: Number of classes C.
        image_channels: Number of channels of the images; given by ``SMPSegmentor``.
        align_corners: For resizing the logits; default True, as in the library.
        **kwargs: ``loss_decode``, ``ignore_index``, ``out_channels``, ``threshold`` and
            ``sampler`` of the decode heads of MMSegmentation.
    """

    def __init__(
        self,
        *,
        model: Any,
        num_classes: int,
        image_channels: int = RGB,
        align_corners: bool = True,
        **kwargs: Any,
    ) -> None:
        head = model.segmentation_head
        # The head of DPT has layers of its own before the classifier.
        *before, classifier = head.head if hasattr(head, "head") else [head[0]]
        of_image = [] if hasattr(head, "head") else [model.encoder.out_channels[0]]
        channels: Any = [image_channels, *model.encoder.out_channels[len(of_image) :]]
        super().__init__(
            in_channels=channels,
            in_index=list(range(len(channels))),  # type: ignore[arg-type]
            input_transform="multiple_select",
            channels=classifier.in_channels,
            num_classes=num_classes,
            dropout_ratio=0.0,
            align_corners=align_corners,
            init_cfg=None,
            **kwargs,
        )
        self.maps = len(channels) - 1  # without the images
        self.divisor = divisor(model)
        self.decoder = model.decoder
        self.before = nn.Sequential(*before)
        self.conv_seg = classifier

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Logits (B, C, h, w) for the outputs of ``SMPEncoder``."""
        images, *features = inputs
        size = (images.shape[-2], images.shape[-1])
        padded = rounded_up(size, self.divisor)
        if len(self.before):
            tokens = [each[..., 0].transpose(1, 2) for each in features[self.maps :]]
            fused = self.decoder(features[: self.maps], tokens or [None] * self.maps)
        else:
            fused = self.decoder([pad_to(images, padded), *features])
        fused = cut_to(self.before(fused), size, padded)
        return self.cls_seg(fused)


def build_network(
    network: Mapping[str, Any], channels: int, pretrained: bool = False
) -> Any:
    """Build a network of the library.

    Args:
        network: ``arch``, ``encoder_name``, and any argument of that architecture.
        channels: Number of logits per pixel.
        pretrained: Whether to load ``encoder_weights``.

    Raises:
        ImportError: The library is not installed.
        ValueError: An argument is unknown, has a value that the library refuses, or is
            set by the decode head; or the weights cannot be downloaded.
    """
    smp = import_extra(LIBRARY, "models of segmentation_models.pytorch", "smp")
    for name in SET_BY_HEAD.keys() & network.keys():
        raise ValueError(f"network.{name}={network[name]!r}: {SET_BY_HEAD[name]}")
    _check_names(smp, network)
    _check_weights(smp.encoders.encoders, network)
    options = {**network, WEIGHTS: network.get(WEIGHTS) if pretrained else None}
    try:
        return smp.create_model(classes=channels, **options)
    except (TypeError, KeyError, ValueError, OSError) as error:
        offline = pretrained and isinstance(error, OSError)
        remedy = f" Without a network, set network.{WEIGHTS}=None" if offline else ""
        raise ValueError(f"network={dict(network)}: {error}{remedy}") from error


def _check_names(smp: Any, network: Mapping[str, Any]) -> None:
    """Check the arguments: all others go to the encoder, and only timm's read them."""
    kind = smp.MODEL_ARCHITECTURES_MAPPING.get(str(network.get("arch")).lower())
    if kind is None or network.get("encoder_name") not in smp.encoders.encoders:
        return
    known = inspect.signature(kind).parameters.keys()
    for name in network.keys() - known - {"arch"}:
        raise ValueError(
            f"network.{name}={network[name]!r} is no argument of {kind.__name__}; it "
            f"takes {sorted(known - {'kwargs', *SET_BY_HEAD})}"
        )


def _check_weights(encoders: Mapping[str, Any], network: Mapping[str, Any]) -> None:
    """Check the name of weights before they are downloaded, when training starts."""
    name, weights = network.get("encoder_name", ""), network.get(WEIGHTS)
    if weights is None or name not in encoders:  # timm's have no names of weights
        return
    known = list(encoders[name]["pretrained_settings"])
    if weights not in known:
        raise ValueError(
            f"network.{WEIGHTS}={weights!r}: the library has {known or 'no weights'} "
            f"for {name}"
        )


def divisor(model: Any) -> int:
    """Number that the height and width of images must be multiples of."""
    if not model.requires_divisible_input_shape:
        return 1
    stride = int(model.encoder.output_stride)
    # DPT reduces the map of a transformer once more.
    return 2 * stride if hasattr(model.segmentation_head, "head") else stride


def _rename_weights(module: Any, state_dict: dict, prefix: str, *_: Any) -> None:
    """Give weights of the library's own model the names of ours."""
    if any(key.startswith(f"{prefix}backbone.") for key in state_dict):
        return
    last = len(module.decode_head.before)
    for key in list(state_dict):
        own = key.removeprefix(prefix)
        part, _, rest = own.partition(".")
        if part == "segmentation_head":
            rest = rest.removeprefix("head.")
            index, _, name = rest.partition(".")
            own = f"conv_seg.{name}" if int(index) == last else f"before.{rest}"
            own = f"decode_head.{own}"
        elif part in OWNERS:
            own = f"{OWNERS[part]}.{own}"
        state_dict[prefix + own] = state_dict.pop(key)
