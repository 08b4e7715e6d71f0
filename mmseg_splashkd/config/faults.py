"""Names the config key behind an error of the host, with value and remedy.

MMSegmentation and mmengine raise KeyError, TypeError, AssertionError and others from
within constructors, without the key of the config that led there. The key is found in
the traceback: mmengine builds every part by ``build_from_cfg``, whose frames hold the
config that they build.
"""

import difflib
import dis
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FrameType, TracebackType
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry, build_from_cfg
from mmengine.runner import Runner
from mmseg import registry as registries

PACKAGE = __name__.partition(".")[0]
SHOWN = 200  # characters of a value in a message
LISTED = 200  # words among which a misspelt one is looked for


class ConfigError(ValueError):
    """A value of the config cannot be used; the cause is the error of the host."""


@contextmanager
def building(**parts: Any) -> Iterator[None]:
    """Name the key of the config at fault in errors that are raised inside.

    Args:
        **parts: Top-level key of the config -> its value. Where several are built at
            once, the first is named if the part at fault is not found.

    Raises:
        ConfigError: Something raised an error; one of this package that says what to
            do is passed on.
    """
    try:
        yield
    except Exception as error:
        if explains_itself(error):
            raise
        raise ConfigError(_explain(parts, error)) from error


@contextmanager
def parts_of(cfg: Config) -> Iterator[None]:
    """Name the key of whatever part of a config is built inside and fails.

    Raises:
        ConfigError: A part cannot be built; other errors are passed on.
    """
    try:
        yield
    except Exception as error:
        frames = frames_of(error, build_from_cfg.__code__)
        if explains_itself(error) or not frames:
            raise
        raise ConfigError(_explain(dict(cfg.items()), error)) from error


@contextmanager
def reading(path: Any) -> Iterator[None]:
    """Name the config file in errors that reading it raises.

    Raises:
        ConfigError: The file is not valid Python, or inherits from no config.
        FileNotFoundError: A file that it inherits does not exist.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path}: {error}: a file of its _base_. If the config or this repository "
            f"was moved, correct that path"
        ) from error
    except Exception as error:
        if explains_itself(error):  # also ImportError, which says what to install
            raise
        raise ConfigError(f"config {path} cannot be read: {cause_of(error)}") from error


def explains_itself(error: BaseException) -> bool:
    """Whether a message was written in this package for its user, as all are there.

    Other types than these, and errors of the interpreter itself, are no messages.
    """
    if isinstance(error, (ImportError, ConfigError, KeyboardInterrupt)):
        return True
    if not isinstance(error, (MemoryError, OSError, RuntimeError, ValueError)):
        return False
    if isinstance(error, (NotImplementedError, RecursionError)):
        return False
    if isinstance(error, OSError) and error.filename is not None:
        return True  # names its file, whoever opened it
    *_, last = None, *_entries(error.__traceback__)
    return last is None or _is_statement_of_package(last)


def _is_statement_of_package(entry: TracebackType) -> bool:
    """Whether a ``raise`` statement of this package is the origin, and no call."""
    code = entry.tb_frame.f_code.co_code
    module = str(entry.tb_frame.f_globals.get("__name__", ""))
    raises = dis.opname[code[entry.tb_lasti]] == "RAISE_VARARGS"
    return raises and module.partition(".")[0] == PACKAGE


def _entries(entry: TracebackType | None) -> Iterator[TracebackType]:
    while entry is not None:
        yield entry
        entry = entry.tb_next


def closest(word: str, words: Any) -> str:
    """``": did you mean 'Name'?"``, or nothing if no word is similar."""
    lower = {str(each).lower(): str(each) for each in words}
    found = difflib.get_close_matches(word.lower(), lower, 1)
    return f": did you mean {lower[found[0]]!r}?" if found else ""


def shown(value: Any) -> str:
    """A value on one line, cut at ``SHOWN`` characters."""
    plain = value.to_dict() if hasattr(value, "to_dict") else value
    text = " ".join(repr(plain).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def cause_of(error: BaseException) -> str:
    """Type and first line of an error, and what a misspelt word in it may mean."""
    lines = str(error).strip().splitlines() or [""]
    text = f"{type(error).__name__}: {lines[0][: 2 * SHOWN]}".removesuffix(": ")
    return text + _meant(error, lines[0])


def _meant(error: BaseException, text: str) -> str:
    """What a quoted word of a message may mean, by the words it was looked up in.

    The host often lists the words that it takes in the function that refuses another.
    """
    *_, last = None, *_entries(error.__traceback__)
    values = () if last is None else last.tb_frame.f_locals.values()
    for word in re.findall(r"'([^']+)'", text):
        for words in values:
            if not isinstance(words, (list, tuple, set, dict)) or len(words) > LISTED:
                continue
            if word not in words and (hint := closest(word, words)):
                return hint
    return ""


def frames_of(error: BaseException, code: CodeType) -> list[FrameType]:
    """Frames of a function in the tracebacks of a chain of errors, outermost first."""
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(inner)
    frames = [frame for each in chain for frame in _frames(each)]
    return [frame for frame in dict.fromkeys(frames) if frame.f_code is code]


def _frames(error: BaseException) -> list[FrameType]:
    return [entry.tb_frame for entry in _entries(error.__traceback__)]


def _first(error: BaseException) -> BaseException:
    """The error that other errors were raised from."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def _explain(parts: dict[str, Any], error: Exception) -> str:
    if not parts:
        return f"the config cannot be used: {cause_of(_first(error))}"
    key, value = _outermost(parts, error)
    registry = None
    for frame in frames_of(error, build_from_cfg.__code__):  # the outermost first
        if (found := _locate(parts, key, frame.f_locals["cfg"])) is not None:
            (key, value), registry = found, frame.f_locals["registry"]
        else:  # of the host's own making
            registry = None
    if registry is None:
        unknown = next(_unregistered(key, value), None)
        cause = cause_of(_first(error))
        return unknown or f"{key}={shown(value)} cannot be used: {cause}"
    if not isinstance(value, Mapping):
        return f"{key}={shown(value)} must be a dict with 'type', the class to build"
    return _fault_of(key, value, registry, _first(error))


def _unregistered(key: str, value: Any) -> Iterator[str]:
    """Types inside a part that no registry has, which mmengine may look up itself."""
    found = [each for each in vars(registries).values() if isinstance(each, Registry)]
    names = {name for registry in found for name in _all_names(registry)}
    for inner, part in _walk({key: value}):
        kind = part.get("type") if isinstance(part, Mapping) else None
        if isinstance(kind, str) and kind.rpartition(".")[2] not in names:
            yield f"{inner}.type={kind!r} is not registered{closest(kind, names)}"


def _all_names(registry: Registry | None) -> set[str]:
    names: set[str] = set()
    while registry is not None:
        names |= set(registry.module_dict)
        registry = registry.parent
    return names


def _outermost(parts: dict[str, Any], error: Exception) -> tuple[str, Any]:
    """The part at fault: a loader if one is being built, else the first."""
    loaders = [pair for pair in parts.items() if pair[0].endswith("_dataloader")]
    if loaders and frames_of(error, Runner.build_dataloader.__code__):
        return loaders[0]
    return next(iter(parts.items()))


def _locate(parts: dict[str, Any], outer: str, config: Any) -> tuple[str, Any] | None:
    """Dotted key and value of the part that a frame builds, inside another if it is."""
    found = dict(_walk(parts))
    inner = {key: each for key, each in found.items() if key.startswith(outer)}
    for candidates in (inner, found):
        if isinstance(config, Mapping):
            alike = {key: _likeness(each, config) for key, each in candidates.items()}
            best = max(alike.values(), default=0)
            equal = [key for key, value in alike.items() if value == best > 0]
        else:  # such as None or a list: in the part that is built around it
            depth = outer.count(".") + 1
            equal = [
                key
                for key, each in candidates.items()
                if key.count(".") == depth and _equal(each, config)
            ]
        if equal:
            return equal[0], candidates[equal[0]]
    return None


def _walk(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of every part of a config, outer parts first."""
    if isinstance(value, Mapping):
        pairs = [(f".{key}", each) for key, each in value.items()]
    elif isinstance(value, (list, tuple)):
        pairs = [(f"[{index}]", each) for index, each in enumerate(value)]
    else:
        return
    for key, each in pairs:
        name = (prefix + key).lstrip(".")
        yield name, each
        yield from _walk(each, name)


def _equal(one: Any, other: Any) -> bool:
    try:
        return type(one) is type(other) and bool(one == other)
    except ValueError:  # arrays
        return False


def _likeness(value: Any, config: Mapping[str, Any]) -> float:
    """How many items are equal, of two configs of one type; 0 for others.

    What is built may be a copy with some arguments changed.
    """
    if not isinstance(value, Mapping) or value.get("type") != config.get("type"):
        return 0
    same = sum(key in value and _equal(value[key], config[key]) for key in config)
    return (1 + same) / (1 + len(value))


def _fault_of(
    key: str, config: Mapping[str, Any], registry: Registry, error: BaseException
) -> str:
    kind = config.get("type")
    if kind is None:
        return (
            f"{key}={shown(config)} has no 'type': name the class to build, such as "
            f"type={_an_example(registry)!r}"
        )
    found = registry.get(kind) if isinstance(kind, str) else kind
    if found is None:
        return unknown_type(f"{key}.type", kind, registry)
    arguments = {k for k in config if k not in ("type", "_scope_")}
    allowed, required = _parameters(found)
    name = getattr(found, "__name__", str(kind))
    if isinstance(error, TypeError):
        unknown = sorted(arguments - allowed) if allowed is not None else []
        if unknown:
            return (
                f"{key}.{unknown[0]}={shown(config[unknown[0]])}: {name} has no "
                f"argument {unknown[0]!r}{closest(unknown[0], allowed)}"
            )
        missing = [each for each in sorted(required - arguments) if _names(error, each)]
        if missing:
            return f"{key}={shown(config)}: {name} needs the argument {missing[0]!r}"
    return f"{key}={shown(config)} cannot be used by {name}: {cause_of(error)}"


def _names(error: BaseException, argument: str) -> bool:
    """Whether Python says that this argument is missing; a parent class may set it."""
    return "missing" in str(error) and f"'{argument}'" in str(error)


def unknown_type(key: str, kind: str, registry: Registry) -> str:
    """Message for a type that a registry lacks, with the nearest name that it has.

    Args:
        key: Dotted key of the type, such as ``model.type``.
        kind: The type.
        registry: Where it is looked up.
    """
    hint = closest(kind.rpartition(".")[2], _all_names(registry))
    remedy = "" if hint else ". custom_imports names the modules that register classes"
    return f"{key}={kind!r} is not registered as {registry.name}{hint}{remedy}"


def _an_example(registry: Registry) -> str:
    return next(iter(registry.module_dict), "Name")


def _parameters(built: Callable) -> tuple[set[str] | None, set[str]]:
    """Arguments of a class or function, None for any, and those it requires."""
    classes = inspect.getmro(built) if inspect.isclass(built) else ()
    functions = [each.__init__ for each in classes if "__init__" in vars(each)]
    allowed: set[str] = set()
    required: set[str] = set()
    for function in functions or [built]:
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            return None, required
        named = [
            p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        ]
        allowed |= {p.name for p in named} - {"self"}
        required |= {p.name for p in named if p.default is p.empty} - {"self"}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return allowed, required  # passes nothing on
    return None, required
