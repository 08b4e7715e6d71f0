"""Label coding of the values found in masks."""

import colorsys
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_splashkd.datasets.label_coding import IGNORE, load_label_coding

FEW = 16  # values; masks with more are antialiased or stored with loss
IGNORED = "ignore"
SPLASH_COLOURS = [[16, 42, 67], [255, 196, 0]]


def default_values(pixels: Mapping[int, int], classes: Sequence[str]) -> dict | None:
    """Class of each value, where the values tell it; None where they do not.

    Args:
        pixels: Value of the masks -> number of pixels.
        classes: Names of the classes in ascending order of value; empty for
            ``background`` and ``foreground``.

    Returns:
        Value -> name of its class. Two values, or one of 0, 1 and 255, are two classes
        if no names are given; any number of values matches as many names.
    """
    values = sorted(pixels)
    if not classes and len(values) == 2:
        classes = ("background", "foreground")
    if len(values) != len(classes):
        return None
    return dict(zip(values, classes, strict=True))


def parse_values(items: Sequence[str]) -> dict[int, str]:
    """Read ``0=background 128-255=splash 7=ignore``.

    Args:
        items: ``VALUE=CLASS`` or ``FIRST-LAST=CLASS``; the class ``ignore`` takes no
            part in training and scores.

    Returns:
        Value -> name of its class.

    Raises:
        ValueError: An item has another form, or a value has two classes.
    """
    values: dict[int, str] = {}
    for item in items:
        match = re.fullmatch(r"(\d+)(?:-(\d+))?=(.+)", item, re.ASCII)
        if match is None:
            raise ValueError(
                f"--label-values {item!r} is neither VALUE=CLASS nor FIRST-LAST=CLASS"
            )
        first, last = int(match[1]), int(match[2] or match[1])
        for value in range(first, last + 1):
            if values.setdefault(value, match[3]) != match[3]:
                raise ValueError(
                    f"--label-values gives {value} to {values[value]} and to {match[3]}"
                )
    return values


def question(pixels: Mapping[int, int]) -> str:
    """A sentence that asks for the classes of the values, with the option to add."""
    values = sorted(pixels)
    if len(values) > FEW:
        low = sum(n for value, n in pixels.items() if 32 <= value < 224)
        share = low / max(sum(pixels.values()), 1)
        return (
            f"the masks hold {len(values)} values from {values[0]} to {values[-1]}, "
            f"{share:.1%} of the pixels between 32 and 223 (edges are antialiased, or "
            f"stored as JPEG): say where the classes part, such as --label-values "
            f"0-127=background 128-255=foreground"
        )
    names = " ".join(f"{value}=NAME" for value in values)
    listed = ", ".join(map(str, values))
    return (
        f"the masks hold the values {listed}: name the class of each, such as "
        f"--label-values {names} (NAME ignore: not used)"
    )


def coding_of(values: Mapping[int, str], classes: Sequence[str]) -> dict[str, Any]:
    """Arguments of a ``LabelCoding``, with colours that are easy to tell apart.

    Args:
        values: Value of the masks -> name of its class, or ``ignore``.
        classes: Order of the classes; empty for the order of their values.

    Raises:
        ValueError: A class has no value, or a value a class that is not listed.
    """
    named = dict.fromkeys(name for _, name in sorted(values.items()))
    found = [name for name in named if name != IGNORED]
    order = list(classes) or found
    if set(order) != set(found):
        raise ValueError(
            f"--classes {' '.join(order)} and --label-values, which names "
            f"{' '.join(found)}, must name the same classes"
        )
    ids = {name: i for i, name in enumerate(order)} | {IGNORED: IGNORE}
    coding = {
        "classes": order,
        "palette": _palette(len(order)),
        "gray_to_train_id": {
            value: ids[name] for value, name in sorted(values.items())
        },
    }
    load_label_coding(coding)  # validates it
    return coding


def _palette(count: int) -> list[list[int]]:
    colours = SPLASH_COLOURS[:count]
    for i in range(2, count):
        hue = 0.3 + 0.381966 * i  # the golden angle: never close to an earlier hue
        red, green, blue = colorsys.hsv_to_rgb(hue % 1, 0.55 + 0.4 * (i % 2), 0.9)
        colours.append([round(255 * part) for part in (red, green, blue)])
    return colours
