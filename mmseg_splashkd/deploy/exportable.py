"""Refuses a config that cannot become a file, before its weights are read."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmseg.models import SegDataPreProcessor
from mmseg.models.segmentors import DepthEstimator, EncoderDecoder

from mmseg_splashkd.config.types import classes, is_a, type_name
from mmseg_splashkd.config.walk import plain_model
from mmseg_splashkd.deploy.pipeline import trained_size
from mmseg_splashkd.models.data_preprocessors.multi_channel import (
    COLOURS,
    MultiChannelPreProcessor,
)

# Steps of a test that a deployed file repeats, as EncoderDecoder takes them.
REPEATED = ("predict", "inference", "whole_inference", "postprocess_result")
PREPROCESSORS = (SegDataPreProcessor, MultiChannelPreProcessor)


def check_exportable(cfg: Config) -> None:
    """Check that a deployed file can repeat a test of a config.

    Args:
        cfg: Resolved config; of a distillation or an adaptation, the student counts.

    Raises:
        ValueError: The segmentor, its test, its preprocessor or its pipeline does what
            a deployed file cannot: the message names it and the remedy.
    """
    model = plain_model(cfg.model)
    _check_segmentor(model)
    _check_mode(model)
    trained_size(cfg)  # first: a clip explains the channels of a preprocessor
    _check_preprocessor(model.get("data_preprocessor"))


def _check_segmentor(model: Mapping[str, Any]) -> None:
    refused = f"model.type={type_name(model)!r} cannot be exported:"
    if is_a(model, DepthEstimator):
        raise ValueError(
            f"{refused} it regresses maps, and a deployed file returns probabilities "
            f"and classes. Run it in MMSegmentation (tools/test.py)"
        )
    if not is_a(model, EncoderDecoder):
        raise ValueError(
            f"{refused} it is no EncoderDecoder. Export the segmentor that starts from "
            f"its weights, or that it wraps"
        )
    own = sorted(
        name
        for name in REPEATED
        for kind in classes(model["type"])
        if getattr(kind, name, None) is not getattr(EncoderDecoder, name)
    )
    if own:
        raise ValueError(
            f"{refused} it has its own {', '.join(own)}(), which a deployed file does "
            f"not repeat. Export an EncoderDecoder, or a subclass with its own "
            f"encode_decode() only"
        )


def _check_mode(model: Mapping[str, Any]) -> None:
    mode = (model.get("test_cfg") or {}).get("mode", "whole")
    if mode != "whole":
        raise ValueError(
            f"model.test_cfg.mode={mode!r} cannot be exported: only 'whole' can. Set "
            f"model.test_cfg.mode=whole, and compare by tools/test.py"
        )


def _check_preprocessor(config: Mapping[str, Any] | None) -> None:
    given = config or {}
    # Not subclasses: they do what is not known here.
    kinds = list(classes(given.get("type")))
    known = bool(kinds) and all(kind in PREPROCESSORS for kind in kinds)
    padding = given.get("test_cfg")
    if not known or padding:
        name = type_name(given) if config else None
        raise ValueError(
            f"data_preprocessor={name}, test_cfg={padding} cannot be exported: only a "
            f"SegDataPreProcessor or a MultiChannelPreProcessor without test_cfg can. "
            f"Resize frames in the pipeline instead"
        )
    channels = len(given.get("mean") or ())
    if channels > COLOURS and not given.get("append_gray"):
        raise ValueError(
            f"data_preprocessor={type_name(given)} of {channels} channels cannot be "
            f"exported: a deployed file reads RGB frames, so that no depth or infrared "
            f"reaches it. Export a student that takes the colours, or their gray value "
            f"(append_gray=True)"
        )
    if channels in (1, 2):
        raise ValueError(
            f"data_preprocessor={type_name(given)} of {channels} channels cannot be "
            f"exported: a deployed file reads RGB frames. Train the student on colours "
            f"with append_gray=True, from which it may take the gray value"
        )
