"""Resolves the ``type`` of a config to a class."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry
from mmseg import registry as registries

from mmseg_splashkd.models import DistillSegmentor
from mmseg_splashkd.models.teacher.controls import read_control


def is_a(config: Any, *wanted: type) -> bool:
    """Whether a config builds an instance of one of several classes.

    ``type`` may be a name (``"DistillSegmentor"``), a scoped name
    (``"mmseg.DistillSegmentor"``), the class itself, or any of these for a subclass.

    Args:
        config: A mapping with ``type``; the result is False for anything else.
        *wanted: Registered classes, or base classes of registered ones.
    """
    kind = config.get("type") if isinstance(config, Mapping) else None
    return any(issubclass(found, wanted) for found in classes(kind))


def is_from(config: Mapping[str, Any], *packages: str) -> bool:
    """Whether a class that a config names is defined in one of several packages."""
    kinds = classes(config.get("type"))
    return any(each.__module__.partition(".")[0] in packages for each in kinds)


def type_name(config: Mapping[str, Any]) -> str:
    """``type`` of a config for messages: as it is written, or the name of the class."""
    kind = config.get("type")
    return kind.__name__ if isinstance(kind, type) else str(kind)


def registered_name(kind: type) -> str:
    """Name of a class in the registries, such as ``BN`` of ``BatchNorm2d``.

    Of several names, that of the class itself or else the first. A class that is in no
    registry has its own.
    """
    names = [
        name
        for registry in _all()
        for each in (registry, registry.parent)
        if each is not None
        for name, found in each.module_dict.items()
        if found is kind
    ]
    return kind.__name__ if kind.__name__ in names or not names else names[0]


def distills(cfg: Config) -> bool:
    """Whether the model of a config is a ``DistillSegmentor``, or a subclass."""
    return is_a(cfg.get("model"), DistillSegmentor)


def reads_teacher(cfg: Config) -> bool:
    """Whether a run reads the weights of a trained teacher.

    It distils, and neither labels nor random weights stand in their place.
    """
    return distills(cfg) and read_control(cfg.model).has_weights


def classes(kind: Any) -> Iterator[type]:
    """The classes that a ``type`` names, in any registry of MMSegmentation."""
    if isinstance(kind, type):
        yield kind
    elif isinstance(kind, str):
        # A scoped name may import its package, and is found only then.
        holders = _all() if "." in kind else _holders(kind, _registered())
        for registry in holders:
            if found := _get(registry, kind):
                yield found


def class_in(registry: Registry, name: str) -> type | None:
    """The class that a name means in a registry of MMSegmentation; None if it has none.

    Args:
        registry: One of ``mmseg.registry``.
        name: A name, scoped or not.
    """
    if "." not in name and registry not in _holders(name, _registered()):
        return None
    return _get(registry, name)


@functools.cache
def _all() -> tuple[Registry, ...]:
    found = vars(registries).values()
    return tuple(each for each in found if isinstance(each, Registry))


def _registered() -> int:
    """Number of classes in these registries and those they inherit from."""
    return sum(len(each) + len(each.parent or ()) for each in _all())


@functools.lru_cache(maxsize=1024)
def _holders(name: str, _registered: int) -> tuple[Registry, ...]:
    """Registries that have a name: asking those that lack it takes milliseconds."""
    return tuple(registry for registry in _all() if _get(registry, name))


def _get(registry: Registry, name: str) -> type | None:
    try:
        found = registry.get(name)
    except (ImportError, RuntimeError):  # of a package that is not installed
        return None
    return found if isinstance(found, type) else None
