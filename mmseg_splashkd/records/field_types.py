"""Check of values against the types of a dataclass, as a file of any origin needs."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

NUMBERS = (int, float)


def check_types(value: Any, prefix: str = "") -> None:
    """Check the fields of a dataclass, and of those inside.

    A whole number passes for a float, and no truth value for a number.

    Args:
        value: An instance.
        prefix: Name of the instance, with a dot, for the error.

    Raises:
        ValueError: A field has a value of another type; the message names it.
    """
    _check_fields(value, prefix, {})


def _check_fields(value: Any, prefix: str, known: Mapping[Any, Any]) -> None:
    hints = _hints(type(value))
    for each in fields(value):
        hint = hints[each.name]
        _check(getattr(value, each.name), hint, f"{prefix}{each.name}", known)


@lru_cache(maxsize=64)
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _check(value: Any, hint: Any, name: str, known: Mapping[Any, Any]) -> None:
    hint = known.get(hint, hint) if isinstance(hint, TypeVar) else hint
    choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if Any in choices or (value is None and NoneType in choices):
        return
    rest = [known.get(each, each) for each in choices if each is not NoneType]
    for choice in rest:
        kind = get_origin(choice) or choice
        if not _is_of(value, kind):
            continue
        _check_inside(value, kind, choice, name)
        return
    listed = " or ".join(getattr(each, "__name__", str(each)) for each in rest)
    none = " or null" if NoneType in choices else ""
    raise ValueError(f"{name}={value!r:.60} must be {listed}{none}")


def _is_of(value: Any, kind: Any) -> bool:
    if kind in NUMBERS:
        allowed = NUMBERS if kind is float else int
        return isinstance(value, allowed) and not isinstance(value, bool)
    return isinstance(value, kind)


def _check_inside(value: Any, kind: Any, hint: Any, name: str) -> None:
    arguments = get_args(hint)
    if is_dataclass(kind):
        names = getattr(kind, "__parameters__", ())
        _check_fields(value, f"{name}.", dict(zip(names, arguments, strict=False)))
    elif kind is Mapping and arguments:
        for key, each in value.items():
            _check(key, arguments[0], f"a key of {name}", {})
            _check(each, arguments[1], f"{name}.{key!s:.40}", {})
    elif kind is tuple and arguments:
        for each in value:
            _check(each, arguments[0], f"a value of {name}", {})
