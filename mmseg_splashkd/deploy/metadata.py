"""What a deployed file says of itself: classes, coding, threshold, origin."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

PREFIX = "mmseg_splashkd"
FORMAT = 1  # of these entries


@dataclass(frozen=True)
class DeployedMeta:
    """Entries of a deployed file.

    Args:
        classes: Names of the C classes.
        palette: Their RGB colours.
        gray_to_train_id: Gray value of a label file -> class, the label coding.
        train_id_to_gray: Class -> gray value to write, where several stand for it.
        size: (H, W) to which frames are resized.
        mean: Mean of each channel that is subtracted, in gray levels; None: none.
        std: Standard deviation by which it is divided.
        thresholds: Class -> probability from which it is predicted; other classes by
            the highest probability.
        config_sha256: Hash of the resolved config.
        weights_sha256: Hash of the tensors of the weights.
        run: Name of the run of the weights; empty where it is not recorded.
        versions: Package -> version that wrote the file.
        parity: Figures of the comparison with PyTorch: frames, largest difference of a
            probability, share of pixels whose class changed.
        quantised: How its weights became integers; empty in a file of floats. See
            ``quantise``.
        format: Version of these entries.
    """

    classes: tuple[str, ...]
    palette: tuple[tuple[int, ...], ...]
    gray_to_train_id: Mapping[int, int]
    train_id_to_gray: Mapping[int, int]
    size: tuple[int, int]
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    thresholds: Mapping[str, float]
    config_sha256: str
    weights_sha256: str
    run: str
    versions: Mapping[str, str]
    parity: Mapping[str, float]
    quantised: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def entries(self) -> dict[str, str]:
        """Texts by key, as ONNX stores them."""
        return {
            f"{PREFIX}.{name}": json.dumps(value)
            for name, value in asdict(self).items()
        }

    @classmethod
    def read(cls, entries: Mapping[str, str], source: str) -> "DeployedMeta":
        """The entries of a file.

        Args:
            entries: Texts by key.
            source: The file, for the error.

        Raises:
            ValueError: They are not there, of another version, or damaged.
        """
        names = [each.name for each in fields(cls)]
        keys = {name: f"{PREFIX}.{name}" for name in names}
        if not set(entries) & set(keys.values()):
            raise ValueError(
                f"{source} was not written by tools/export.py or tools/quantize.py: it "
                f"has no classes and no threshold. Export the weights again"
            )
        try:
            values = {name: json.loads(entries[key]) for name, key in keys.items()}
            return cls(**_typed(values))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"{source}: its entries are damaged or of another version ({error}): "
                f"export the weights again"
            ) from error


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    if values["format"] != FORMAT:
        raise ValueError(f"format {values['format']}, and this reads {FORMAT}")
    for name in ("classes", "size", "mean", "std"):
        values[name] = values[name] and tuple(values[name])
    values["palette"] = tuple(tuple(map(int, each)) for each in values["palette"])
    for name in ("gray_to_train_id", "train_id_to_gray"):
        table = values[name]
        values[name] = {int(key): int(value) for key, value in table.items()}
    return values
