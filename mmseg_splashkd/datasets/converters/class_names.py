"""Mapping of foreign class names to gray values of a label coding."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import numpy as np

from mmseg_splashkd.datasets.label_coding import IGNORE, LabelCoding

BACKGROUND = "background"
ALIKE = 0.7  # least similarity of a name that is offered; splash and plastic have 0.62
IGNORED = ("ignore", "ignored", "void", "unlabelled", "unlabeled")


def gray_of_names(
    foreign: Iterable[str],
    coding: LabelCoding,
    source: object,
    names: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Map foreign classes to gray values by name, case-insensitively.

    Args:
        foreign: Class names of the foreign data set.
        coding: Label coding that has these classes. ``ignore``, ``ignored``, ``void``,
            ``unlabelled`` and ``unlabeled`` map to its ignored gray value, and so does
            ``background`` if it is not a class.
        source: Origin of the foreign names, for the error message.
        names: Foreign name -> class of the coding, for names that differ.

    Returns:
        Foreign name -> gray value in [0, 255].

    Raises:
        ValueError: A name is not a class, ``names`` has a key that is not in
            ``foreign``, or a gray value does not fit in 8 bits.
    """
    foreign = list(foreign)
    renamed = {key.casefold(): value for key, value in (names or {}).items()}
    unused = sorted(renamed.keys() - {name.casefold() for name in foreign})
    if unused:
        raise ValueError(f"names has {unused}, which {source} lacks: it has {foreign}")
    grays = _grays_by_name(coding)
    class_of = {name: renamed.get(name.casefold(), name) for name in foreign}
    unknown = [
        name for name, target in class_of.items() if target.casefold() not in grays
    ]
    if unknown:
        raise ValueError(_describe_unknown(unknown, class_of, grays, source))
    return {name: grays[target.casefold()] for name, target in class_of.items()}


def background_gray(coding: LabelCoding, source: object) -> int:
    """Gray value of pixels outside all masks.

    Args:
        coding: Label coding.
        source: The foreign data set, for the error message.

    Raises:
        ValueError: The coding has neither a class ``background`` nor an ignored value.
    """
    grays = _grays_by_name(coding)
    if BACKGROUND not in grays:
        raise ValueError(
            f"{source}: pixels without a mask have no gray value: the label coding "
            f"has no class 'background' and ignores no value: {sorted(grays)}"
        )
    return grays[BACKGROUND]


def _grays_by_name(coding: LabelCoding) -> dict[str, int]:
    painted = set(coding.gray_to_train_id.values())
    names = [(name, IGNORE) for name in (*IGNORED, BACKGROUND)]
    names += [(name.casefold(), i) for i, name in enumerate(coding.classes)]
    grays = {
        name: int(coding.to_gray(np.array(i))) for name, i in names if i in painted
    }
    wide = sorted(gray for gray in grays.values() if gray > 255)
    if wide:
        raise ValueError(f"gray values {wide} of the label coding do not fit in 8 bits")
    return grays


def _describe_unknown(
    unknown: list[str], class_of: dict[str, str], grays: dict[str, int], source: object
) -> str:
    near = {
        name: match[0]
        for name in unknown
        if (match := get_close_matches(class_of[name].casefold(), grays, 1, ALIKE))
    }
    hint = "".join(f"; did {name!r} mean {match!r}" for name, match in near.items())
    example = "".join(f", such as {n!r}: {m!r}" for n, m in [*near.items()][:1])
    return (
        f"{source}: {unknown} are not classes of the label coding{hint}. It has "
        f"{sorted(grays)}, {source} has {list(class_of)}. Map names that "
        f"differ{example}, or choose a label coding that has them"
    )
