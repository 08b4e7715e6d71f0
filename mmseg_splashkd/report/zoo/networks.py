"""The networks of configs: those of several configs may be the same."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.walk import plain_model
from mmseg_splashkd.evaluation.complexity import Complexity
from mmseg_splashkd.models.foreign_weights import safe_files
from mmseg_splashkd.models.forward_pass import count_segmentor

LOSSES = "loss_decode"
SIZE = (512, 512)  # (H, W) of a frame at which the metafiles count
Size = tuple[int, int]


@dataclass(frozen=True)
class Network:
    """A network, and the configs that have it.

    Args:
        configs: The configs; the first one builds the network.
        complexity: What it computes for a frame.
    """

    configs: tuple[Path, ...]
    complexity: Complexity


@dataclass(frozen=True)
class LeftOut:
    """A config that cannot be built on this machine, and the reason.

    It needs a library that is not installed, or settings from a hub out of reach.
    """

    config: Path
    reason: str


def build(config: Path) -> Any:
    """Build the network of a config with random weights; of distillation, the student.

    Raises:
        FileNotFoundError: There is no such config.
        ImportError: It needs a library that is not installed.
        OSError: It needs the settings of a model from a hub that is out of reach.
        ValueError: The config cannot be read or built.
    """
    cfg = read_config(config)
    init_default_scope(cfg.get("default_scope", "mmseg"))
    with safe_files(_without_downloads(plain_model(cfg.model))) as safe:
        return MODELS.build(safe).eval()


def _without_downloads(model: Any) -> Any:
    """A config whose constructors download no weights, as timm's do."""
    if isinstance(model, Mapping):
        kept = ConfigDict()
        for key, value in model.items():
            loads = key == "pretrained" and value is True
            kept[key] = False if loads else _without_downloads(value)
        return kept
    return [*map(_without_downloads, model)] if isinstance(model, list) else model


def count_config(config: Path, size: Size = SIZE) -> Complexity:
    """Count the network of a config for a frame of (H, W), without computing it."""
    return count_segmentor(build(config).to("meta"), size)


def find_networks(
    configs: Iterable[Path], size: Size
) -> tuple[list[Network], list[LeftOut]]:
    """Count the networks of configs, each once.

    Networks are the same if their layers, weights and multiply-accumulates are.

    Args:
        configs: The configs.
        size: (H, W) of the frame in pixels.

    Returns:
        The networks in the order of their first config, and the configs left out.
    """
    found: dict[Any, Network] = {}
    left_out = []
    for config, built in _each(configs, build):
        if isinstance(built, LeftOut):
            left_out.append(built)
            continue
        complexity = count_segmentor(built.to("meta"), size)
        key = (complexity, *_layers(built))
        known = found[key].configs if key in found else ()
        found[key] = Network((*known, config), complexity)
    return list(found.values()), left_out


def counts_of(configs: Iterable[Path]) -> Iterator[tuple[Path, Complexity | LeftOut]]:
    """Count the network of each config at the size of the metafiles."""
    return _each(configs, count_config)


def _each(
    configs: Iterable[Path], make: Callable[[Path], Any]
) -> Iterator[tuple[Path, Any]]:
    for config in configs:
        try:
            yield config, make(config)
        except (ImportError, OSError, ValueError) as error:
            cause = _out_of_reach(error) if config.is_file() else None
            if cause is None:
                raise
            yield config, LeftOut(config, str(cause).partition("\n")[0])


def _out_of_reach(error: BaseException | None) -> BaseException | None:
    """The error of an import, a file or a hub that led to another error."""
    while error is not None and not isinstance(error, ImportError | OSError):
        error = error.__cause__ or error.__context__
    return error


def _layers(model: Any) -> Iterator[Any]:
    for name, module in model.named_modules():
        if LOSSES not in name.split("."):
            yield type(module)
            own = (*module.named_parameters(recurse=False),)
            own += (*module.named_buffers(recurse=False),)
            yield tuple((f"{name}.{key}", each.shape) for key, each in own)
