"""Pipeline transform that applies Albumentations reproducibly, preserving labels."""

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

INSTALL = "pip install -e '.[augment]'"
SUCCESSOR = "albumentationsx"  # same import name, AGPL


@TRANSFORMS.register_module()
class Albumentations(BaseTransform):
    """Apply transforms of Albumentations 2.0 to a frame and its labels.

    mmseg's ``Albu`` has its own random generators, fills areas without a label with
    class 0, and only warns of misspelt arguments. Here every call takes its random
    state from Python's generator, which a view seeds; labels are resampled by nearest
    neighbour only, and areas without a label become 255 (ignored). Changes ``img``,
    (H, W, 3) uint8 BGR, all ``seg_fields``, (H, W) uint8, and ``img_shape``.

    Args:
        transforms: Configs of Albumentations transforms: class name as ``type``, and
            its arguments. Compositions such as ``OneOf`` and ``Sequential`` take nested
            configs as ``transforms``. ``fill_mask`` defaults to 255 for all classes
            that have it; ``None`` keeps labels under dropped-out areas.
            ``CropNonEmptyMaskIfExists`` never crops around ignored pixels.

    Raises:
        ImportError: Albumentations is missing or not version 2.0.
        ValueError: A name or argument is unknown or invalid, or a label would be
            interpolated or filled with a value other than 255.
    """

    def __init__(self, transforms: Sequence[dict]) -> None:
        check_version()
        from albumentations import Compose

        self.transforms = transforms
        self.compose = Compose([build_transform(config) for config in transforms])
        for transform in flatten(self.compose):
            check_labels_kept(transform)

    def transform(self, results: dict) -> dict:
        """Apply the transforms to a sample.

        Raises:
            ValueError: The frame is not (H, W, 3) uint8 before or after the transforms.
                ``Normalize`` is the task of the model's data_preprocessor.
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
        """Seed one generator shared by all transforms.

        ``set_random_seed`` would give each transform an equal generator, so that two
        flips of probability 0.5 are always applied together.
        """
        numbers = np.random.default_rng(random.getrandbits(64))
        self.compose.set_random_state(numbers, random.Random(random.getrandbits(64)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(transforms={self.transforms})"


def check_version() -> None:
    """Check that Albumentations 2.0 is installed.

    Raises:
        ImportError: It is missing, has another version, or its successor is installed
            over it.
    """
    present = installed_version("albumentations")
    if present is None:
        raise ImportError(f"Albumentations is not installed: {INSTALL}")
    if not present.startswith("2.0."):
        raise ImportError(
            f"Albumentations 2.0.x is needed, {present} is installed: {INSTALL}"
        )
    if installed_version(SUCCESSOR):
        raise ImportError(
            f"{SUCCESSOR} is installed over albumentations: pip uninstall -y "
            f"{SUCCESSOR} albumentations && {INSTALL}"
        )


def installed_version(distribution: str) -> str | None:
    """Version of a distribution; None if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def check_frame(frame: Any, verb: str) -> None:
    """Check that a frame is (H, W, 3) uint8.

    Raises:
        ValueError: It has another shape or dtype.
    """
    shape, dtype = tuple(frame.shape), frame.dtype
    if len(shape) != 3 or shape[2] != 3 or dtype != np.uint8:
        raise ValueError(
            f"Albumentations {verb} a frame of {shape} and {dtype}, not (H, W, 3) and "
            f"uint8: leave float conversion to the model's data_preprocessor"
        )


def build_transform(config: dict) -> "BasicTransform | BaseCompose":
    """Build a transform or a composition from its config.

    Raises:
        ValueError: Its name or an argument is unknown or invalid.
    """
    from albumentations import BaseCompose

    arguments = dict(config)
    name = arguments.pop("type", None)
    transform = transform_class(name)
    if issubclass(transform, BaseCompose):
        parts = arguments.get("transforms", ())
        if not parts:
            raise ValueError(f"Albumentations: {name} needs transforms, at least one")
        arguments["transforms"] = [build_transform(part) for part in parts]
    if "fill_mask" in signature(transform).parameters:
        arguments.setdefault("fill_mask", IGNORE)
    if issubclass(transform, _by_mask()):
        arguments["ignore_values"] = [*(arguments.get("ignore_values") or ()), IGNORE]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", r"Argument\(s\)", UserWarning)
            return transform(**arguments)
    except (TypeError, ValueError, UserWarning) as error:
        raise ValueError(f"Albumentations cannot build {name}: {error}") from error


def _by_mask() -> type:
    """The crop around labels other than 0, for which ignored pixels are no class."""
    from albumentations import CropNonEmptyMaskIfExists

    return CropNonEmptyMaskIfExists


def transform_class(name: Any) -> type:
    """Class of an Albumentations transform or composition.

    Raises:
        ValueError: There is none; the message suggests similar names.
    """
    import albumentations

    bases = (albumentations.BasicTransform, albumentations.BaseCompose)
    classes = {
        key: value
        for key, value in vars(albumentations).items()
        if isclass(value) and issubclass(value, bases)
    }
    if name not in classes:
        close = ", ".join(get_close_matches(str(name), classes)) or "none is similar"
        raise ValueError(
            f"Albumentations has no transform {name!r}; did you mean: {close}?"
        )
    return classes[name]


def flatten(compose: "BaseCompose") -> Iterator["BasicTransform"]:
    """All transforms of a composition, including nested ones."""
    from albumentations import BaseCompose

    for transform in compose.transforms:
        if isinstance(transform, BaseCompose):
            yield from flatten(transform)
        else:
            yield transform


def check_labels_kept(transform: "BasicTransform") -> None:
    """Check that a transform adds no label value except 255.

    Raises:
        ValueError: The transform would interpolate labels, or fill them.
    """
    name = type(transform).__name__
    interpolation = getattr(transform, "mask_interpolation", cv2.INTER_NEAREST)
    if interpolation != cv2.INTER_NEAREST:
        raise ValueError(
            f"{name}: mask_interpolation={interpolation} would create new label "
            f"values; remove it, or give {cv2.INTER_NEAREST} (nearest neighbour)"
        )
    for argument in ("fill_mask", "mask_drop_value"):
        fill = getattr(transform, argument, None)
        if fill is not None and not np.all(np.equal(fill, IGNORE)):
            raise ValueError(
                f"{name}: {argument}={fill} would label areas without a label; remove "
                f"it, or give {IGNORE} (ignored)"
            )
