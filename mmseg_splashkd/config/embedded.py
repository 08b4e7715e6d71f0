"""Configs that records hold: data of any origin, used without running their code.

A config names what is built by text. MMEngine's registries import a name that they do
not hold, as a module, and call what they find there: ``type="subprocess.Popen"`` is a
program. A config of the user may do so; one that came with a folder may not.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import mmengine.registry
from mmengine.registry import Registry

from mmseg_splashkd.config.text import text_values
from mmseg_splashkd.records.record import RunRecord

SCOPES = ("mmengine", "mmseg", "mmpretrain", "mmdet")
PACKAGES = (*SCOPES, "mmcv", "mmseg_splashkd")
RESOLVED = ("type", "constructor")  # keys whose text a registry resolves
NAME = re.compile(r"[\w.-]+")  # the host evaluates some kinds as Python
EVALUATING = ("RFSearchHook",)  # evaluates texts of its own config
SCOPED = ("_scope_", "default_scope")  # keys whose text is imported
# Keys of files and folders that the host writes.
WRITTEN = ("out_dir", "out_file_path", "output_dir", "save_dir", "save_root")
# The host reads these by formats that can hold code.
CODED_FORMATS = ("pickle", "pkl", "yaml", "yml")
SAFE_YAML = ("label_coding",)  # keys of files that this package reads
TRUST = "if you trust who wrote it, give --trust"


def embedded_values(record: RunRecord, trust: bool = False) -> dict[str, Any]:
    """Values of the config in a record, of which none makes the host run code.

    Args:
        record: Record of a run, of any origin.
        trust: Whether the config may name anything, as the user's own may.

    Raises:
        ValueError: The record holds no config, or one with more than values, or with a
            value that would run code or write elsewhere.
    """
    if record.config_text is None:
        raise ValueError(f"the record of run {record.name} holds no config")
    values = text_values(record.config_text)
    if not trust:
        check_inert(values, f"the config in the record of run {record.name}")
    return values


def check_inert(values: Mapping[str, Any], source: str) -> None:
    """Check that a config can be built without importing what only it names.

    Args:
        values: The config, or some of its dotted keys with their values.
        source: Where it comes from, for the error.

    Raises:
        ValueError: A type is in no registry and would be imported, a module or another
            config is, a file is read by a format that holds code, or one is written
            where the config says.
    """
    for key, value in _items(values):
        if fault := _fault(key, value):
            raise ValueError(f"{source} has {key}={value!r:.100}, {fault}: {TRUST}")


def _items(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values, of mappings and lists also their own."""
    if key:
        yield key, value
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _items(each, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _items(each, f"{key}.{number}")


def _fault(key: str, value: Any) -> str | None:
    names = key.split(".")
    if names[0] == "custom_imports":
        return None if _imports_known(value) else "whose modules would be imported"
    if "_base_" in names:
        return "a file that would be run"
    if "{{" in key or (isinstance(value, str) and "{{" in value):
        return "which is replaced when a config is read"
    if not isinstance(value, str):
        return None
    if names[-1] in RESOLVED and not _is_registered(value):
        return "which is in no registry, and would be imported and called"
    if names[-1] in SCOPED and value not in SCOPES:
        return "whose package would be imported"
    if names[-1] in WRITTEN:
        return "which would be written"
    # As the host: the format of a hidden file ``.pkl`` is pkl, too.
    coded = value.lower().rpartition(".")[2] in CODED_FORMATS
    if coded and not set(names) & set(SAFE_YAML):
        return "a format that can hold code"
    return None


def _imports_known(value: Any) -> bool:
    """Whether a value of ``custom_imports`` names parts of the packages only."""
    if isinstance(value, Mapping):
        return all(_imports_known(each) for each in value.values())
    if isinstance(value, list | tuple):
        return all(_imports_known(each) for each in value)
    return not isinstance(value, str) or value.partition(".")[0] in PACKAGES


def _is_registered(name: str) -> bool:
    """Whether a registry finds a name without importing what is not its own."""
    if not NAME.fullmatch(name) or name.rpartition(".")[2] in EVALUATING:
        return False
    scope, dot, rest = name.partition(".")
    if not dot:  # a name of no registry is only an error, unless it is a module
        return _find_module(name) is None
    if scope in SCOPES and any(
        rest in registry.module_dict for registry in _registries(scope)
    ):
        return True
    found = _imported(name)
    return found is not None and any(
        found is each
        for registry in _registries()
        for each in registry.module_dict.values()
    )


def _find_module(name: str) -> Any:
    try:
        return find_spec(name)
    except (ImportError, ValueError):  # of a module that is half imported
        return sys.modules.get(name)


def _registries(scope: str | None = None) -> Iterator[Registry]:
    """MMEngine's registries and their children, of one scope or of all."""
    if scope is not None and find_spec(scope) is not None:
        import_module(f"{scope}.registry")
    for root in vars(mmengine.registry).values():
        if isinstance(root, Registry):
            for registry in (root, *root.children.values()):
                if scope in (None, registry.scope):
                    registry.import_from_location()
                    yield registry


def _imported(name: str) -> Any:
    """The object of a dotted name in the modules that are imported; None if none is."""
    module, _, attributes = name.rpartition(".")
    path = [attributes]
    while module and module not in sys.modules:
        module, _, attribute = module.rpartition(".")
        path.insert(0, attribute)
    found = sys.modules.get(module)
    for attribute in path:
        found = vars(found).get(attribute) if hasattr(found, "__dict__") else None
    return found
