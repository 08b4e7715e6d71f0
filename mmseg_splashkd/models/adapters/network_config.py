"""Settings of networks of transformers, by their config classes."""

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

PRETRAINED, MODEL_TYPE = "pretrained", "model_type"
CLOSE = 0.75  # similarity, of 1, of a name that may have been meant
QUERY_MODELS = ("eomt", "mask2former", "maskformer")


def config_of(library: Any, network: Mapping[str, Any]) -> Any:
    """The config of a network, with random weights or those of a folder.

    Args:
        library: transformers.
        network: ``model_type`` or ``pretrained``, and settings of the config class.
            ``num_labels`` is left out.

    Raises:
        ValueError: The network is unknown, its folder or name cannot be read or is of
            another ``model_type``, or a setting is unknown.
    """
    settings: dict[str, Any] = {
        key: dict(value) if isinstance(value, Mapping) else value
        for key, value in network.items()
        if key != "num_labels"
    }
    source, kind = settings.pop(PRETRAINED, None), settings.pop(MODEL_TYPE, None)
    where = f"network.{PRETRAINED}={source!r}, network.{MODEL_TYPE}={kind!r}"
    if source is None and kind is None:
        raise ValueError(
            f"network={dict(network)} names no network: give {MODEL_TYPE}, such as "
            f"'segformer', or {PRETRAINED}, a folder or a name of the Hub"
        )
    if source is None:
        _check_names(library, kind, settings, "network")
    automatic = library.AutoConfig
    try:
        # A folder may hold code, which is not run.
        config = (
            automatic.for_model(kind, **settings)
            if source is None
            else automatic.from_pretrained(source, trust_remote_code=False, **settings)
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{where}: {error}") from error
    if kind not in (None, config.model_type):
        raise ValueError(f"{where}: the folder is of a {config.model_type!r}")
    if source is not None:
        for key, value in settings.items():  # a part of the folder has its own type
            part = getattr(config, key, None)
            if isinstance(value, dict) and hasattr(part, MODEL_TYPE):
                value.setdefault(MODEL_TYPE, part.model_type)  # type: ignore
        _check_names(library, config.model_type, settings, "network")
    return config


def _check_names(
    library: Any, kind: str, settings: Mapping[str, Any], where: str
) -> None:
    """Check that a config class has all settings: it takes any, and ignores others.

    Raises:
        ValueError: One is unknown.
    """
    if kind not in library.CONFIG_MAPPING:
        raise ValueError(
            f"{where}.{MODEL_TYPE}={kind!r} is no network of transformers"
            f"{_close(kind, library.CONFIG_MAPPING)}"
        )
    owner = library.CONFIG_MAPPING[kind]
    known = inspect.signature(owner.__init__).parameters.keys()
    known |= vars(library.PretrainedConfig()).keys() | owner.attribute_map.keys()
    for key, value in settings.items():
        if key not in known:
            raise ValueError(
                f"{where}.{key}={value!r}: {owner.__name__} has no such setting"
                f"{_close(key, known)}"
            )
        if isinstance(value, Mapping) and key.endswith("_config"):
            if MODEL_TYPE not in value:
                raise ValueError(f"{where}.{key} names no network: give {MODEL_TYPE}")
            inner = {name: each for name, each in value.items() if name != MODEL_TYPE}
            _check_names(library, value[MODEL_TYPE], inner, f"{where}.{key}")


def _close(name: str, known: Any) -> str:
    matches = difflib.get_close_matches(str(name), list(known), 1, CLOSE)
    return f": did you mean {matches[0]!r}?" if matches else ""


def auto_class(library: Any, config: Any) -> Any:
    """The class of transformers that builds the network of a config.

    Raises:
        ValueError: It has neither logits per pixel nor queries with class and mask.
    """
    if config.model_type in QUERY_MODELS:
        return library.AutoModelForUniversalSegmentation
    if type(config) in library.MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING:
        return library.AutoModelForSemanticSegmentation
    raise ValueError(
        f"network.model_type={config.model_type!r} is no model for semantic "
        f"segmentation that has logits per pixel or queries with class and mask: "
        f"choose one of those of AutoModelForSemanticSegmentation, such as 'segformer' "
        f"or 'upernet', or of {QUERY_MODELS}"
    )


def patch_size(config: Any) -> int:
    """Number that the height and width of images must be multiples of."""
    for each in (config, getattr(config, "backbone_config", None)):
        size = getattr(each, "patch_size", None)
        if isinstance(size, int):
            # DPT halves the map of its transformer once more.
            return 2 * size if config.model_type == "dpt" else size
    return 1
