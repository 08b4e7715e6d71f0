"""Albumentations as a step of a pipeline, safe for labels and for views."""

import random
import warnings
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from inspect import isclass, signature
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_splashkd.datasets.label_coding import IGNORE

if TYPE_CHECKING:
    from albumentations import BaseCompose, BasicTransform

INSTALL = "pip install 'mmseg_splashkd[augment]'"
SUCCESSOR = "albumentationsx"  # same import name, AGPL


@TRANSFORMS.register_module()
class Albumentations(BaseTransform):
    """Apply transforms of Albumentations 2.0 to a frame and its labels.

    The host's ``Albu`` keeps random generators of its own, fills what moves into a
    label with class 0, and lets misspelt arguments pass with a warning. Here every call
    draws its random state from Python's generator, which a view seeds; labels are
    resampled by nearest neighbour only, and what has no label becomes 255 (ignored).
    Changes ``img``, (H, W, 3) uint8 BGR, each of ``seg_fields``, (H, W) uint8, and
    ``img_shape``.

    Args:
        transforms: Configs as of Albumentations: the class name as ``type``, and its
            arguments. ``OneOf``, ``Sequential`` and their like hold more of them as
            ``transforms``. ``fill_mask`` defaults to 255 wherever a class takes it;
            ``None`` leaves labels under a dropped-out part as they are.

    Raises:
        ImportError: Albumentations is missing or not of version 2.0.
        ValueError: A name or an argument is unknown or wrong, or a label would be
            interpolated or filled with something else than 255.
    """

    def __init__(self, transforms: Sequence[dict]) -> None:
        check_version()
        from albumentations import Compose

        self.transforms = transforms
        self.compose = Compose([build(config) for config in transforms])
        for leaf in leaves(self.compose):
            check_labels_kept(leaf)

    def transform(self, results: dict) -> dict:
        """Draw and apply.

        Raises:
            ValueError: The frame is not (H, W, 3) uint8, or does not stay so, as under
                ``Normalize``: the model's data_preprocessor does that.
        """
        fields = results.get("seg_fields", [])
        check_frame(results["img"], "gets")
        self._seed()
        drawn = self.compose(
            image=cv2.cvtColor(results["img"], cv2.COLOR_BGR2RGB),
            masks=[results[field] for field in fields],
        )
        check_frame(drawn["image"], "makes")
        results["img"] = cv2.cvtColor(drawn["image"], cv2.COLOR_RGB2BGR)
        results["img_shape"] = results["img"].shape[:2]
        results.update(zip(fields, drawn["masks"], strict=True))
        return results

    def _seed(self) -> None:
        """Give all transforms one stream; ``set_random_seed`` would give each the same.

        With equal streams, two flips of probability 0.5 always come together.
        """
        numbers = np.random.default_rng(random.getrandbits(64))
        self.compose.set_random_state(numbers, random.Random(random.getrandbits(64)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(transforms={self.transforms})"


def check_version() -> None:
    """Make sure that Albumentations 2.0 is installed.

    Raises:
        ImportError: It is missing, of another version, or its successor lies over it.
    """
    found = installed("albumentations")
    if found is None:
        raise ImportError(f"Albumentations is not installed: {INSTALL}")
    if not found.startswith("2.0."):
        raise ImportError(
            f"Albumentations 2.0.x is needed, {found} is installed: {INSTALL}"
        )
    if installed(SUCCESSOR):
        raise ImportError(
            f"{SUCCESSOR} is installed over albumentations: pip uninstall -y "
            f"{SUCCESSOR} albumentations && {INSTALL}"
        )


def installed(distribution: str) -> str | None:
    """Version of a distribution, None where it is missing."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def check_frame(frame: Any, verb: str) -> None:
    """Make sure that a frame is (H, W, 3) uint8.

    Raises:
        ValueError: It is not.
    """
    shape, dtype = tuple(frame.shape), frame.dtype
    if len(shape) != 3 or shape[2] != 3 or dtype != np.uint8:
        raise ValueError(
            f"Albumentations {verb} a frame of {shape} and {dtype}, not (H, W, 3) and "
            f"uint8: keep floats and tensors to the model's data_preprocessor"
        )


def build(config: dict) -> "BasicTransform | BaseCompose":
    """Build one transform, or a choice of some, from its config.

    Raises:
        ValueError: Its name or an argument is unknown or wrong.
    """
    from albumentations import BaseCompose

    arguments = dict(config)
    name = arguments.pop("type", None)
    transform = find(name)
    if issubclass(transform, BaseCompose):
        parts = arguments.get("transforms", ())
        if not parts:
            raise ValueError(f"Albumentations: {name} needs transforms, at least one")
        arguments["transforms"] = [build(part) for part in parts]
    if "fill_mask" in signature(transform).parameters:
        arguments.setdefault("fill_mask", IGNORE)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", r"Argument\(s\)", UserWarning)
            return transform(**arguments)
    except (TypeError, ValueError, UserWarning) as error:
        raise ValueError(f"Albumentations cannot build {name}: {error}") from error


def find(name: Any) -> type:
    """Find a transform of Albumentations by its name.

    Raises:
        ValueError: There is none; the message names those most like it.
    """
    import albumentations

    bases = (albumentations.BasicTransform, albumentations.BaseCompose)
    known = {
        key: value
        for key, value in vars(albumentations).items()
        if isclass(value) and issubclass(value, bases)
    }
    if name not in known:
        close = ", ".join(get_close_matches(str(name), known)) or "none is like it"
        raise ValueError(
            f"Albumentations has no transform {name!r}; did you mean: {close}?"
        )
    return known[name]


def leaves(compose: "BaseCompose") -> Iterator["BasicTransform"]:
    """Every transform, those within choices and sequences too."""
    from albumentations import BaseCompose

    for transform in compose.transforms:
        if isinstance(transform, BaseCompose):
            yield from leaves(transform)
        else:
            yield transform


def check_labels_kept(transform: "BasicTransform") -> None:
    """Make sure that no label gets a value that it did not have, but 255.

    Raises:
        ValueError: The transform would interpolate labels, or fill them.
    """
    name = type(transform).__name__
    interpolation = getattr(transform, "mask_interpolation", cv2.INTER_NEAREST)
    if interpolation != cv2.INTER_NEAREST:
        raise ValueError(
            f"{name}: mask_interpolation={interpolation} would invent classes; remove "
            f"it, or give {cv2.INTER_NEAREST} (nearest neighbour)"
        )
    for argument in ("fill_mask", "mask_drop_value"):
        fill = getattr(transform, argument, None)
        if fill is not None and not np.all(np.equal(fill, IGNORE)):
            raise ValueError(
                f"{name}: {argument}={fill} would label what has no label; remove it, "
                f"or give {IGNORE} (ignored)"
            )
