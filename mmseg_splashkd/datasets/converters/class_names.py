"""Foreign class names -> gray values of a label coding."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import numpy as np

from mmseg_splashkd.datasets.label_coding import IGNORE, LabelCoding

BACKGROUND = "background"
IGNORED = ("ignore", "ignored", "void", "unlabelled", "unlabeled")


def gray_of_names(
    foreign: Iterable[str],
    coding: LabelCoding,
    source: object,
    names: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Find the gray value of each foreign class by its name, in whatever case.

    Args:
        foreign: Class names of the foreign data set.
        coding: Its classes are looked up, then painted with their own gray values.
            ``ignore``, ``ignored``, ``void``, ``unlabelled`` and ``unlabeled`` are the
            ignored gray value, and so is ``background`` where it is no class.
        source: Where the foreign names stand, named in the error.
        names: Foreign name -> class, for names that differ.

    Returns:
        Foreign name -> gray value in [0, 255].

    Raises:
        ValueError: A name is no class, ``names`` holds one that the foreign data set
            lacks, or a gray value does not fit in 8 bits.
    """
    foreign = list(foreign)
    renamed = {key.casefold(): value for key, value in (names or {}).items()}
    vain = sorted(renamed.keys() - {name.casefold() for name in foreign})
    if vain:
        raise ValueError(f"names has {vain}, which {source} lacks: it has {foreign}")
    known = _known_grays(coding)
    wanted = {name: renamed.get(name.casefold(), name) for name in foreign}
    unknown = [
        name for name, target in wanted.items() if target.casefold() not in known
    ]
    if unknown:
        raise ValueError(_describe_unknown(unknown, wanted, known, source))
    return {name: known[target.casefold()] for name, target in wanted.items()}


def background_gray(coding: LabelCoding, source: object) -> int:
    """Gray value of pixels that no mask covers.

    Raises:
        ValueError: The coding has neither a class ``background`` nor an ignored value.
    """
    known = _known_grays(coding)
    if BACKGROUND not in known:
        raise ValueError(
            f"{source}: pixels without a mask have no gray value, for the label map "
            f"has no class 'background' and ignores no value: {sorted(known)}"
        )
    return known[BACKGROUND]


def _known_grays(coding: LabelCoding) -> dict[str, int]:
    painted = set(coding.gray_to_train_id.values())
    names = [(name, IGNORE) for name in (*IGNORED, BACKGROUND)]
    names += [(name.casefold(), i) for i, name in enumerate(coding.classes)]
    known = {
        name: int(coding.to_gray(np.array(i))) for name, i in names if i in painted
    }
    wide = sorted(gray for gray in known.values() if gray > 255)
    if wide:
        raise ValueError(f"gray values {wide} of the label map do not fit in 8 bits")
    return known


def _describe_unknown(
    unknown: list[str], wanted: dict[str, str], known: dict[str, int], source: object
) -> str:
    near = {
        name: match[0]
        for name in unknown
        if (match := get_close_matches(wanted[name].casefold(), known, n=1))
    }
    hint = "".join(f"; did {name!r} mean {match!r}" for name, match in near.items())
    return (
        f"{source}: {unknown} are no classes of the label map{hint}. It knows "
        f"{sorted(known)}, {source} has {list(wanted)}. Map names that differ, such as "
        f"{unknown[0]!r}: {min(known)!r}"
    )
