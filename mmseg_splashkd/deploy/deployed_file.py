"""Deployed files of any kind."""

from pathlib import Path

from mmseg_splashkd.deploy import ir_file, onnx_file
from mmseg_splashkd.deploy.metadata import DeployedMeta

SUFFIXES = (".onnx", ".xml")


def is_deployed(file: str | Path) -> bool:
    """Whether a path names a deployed file, by its suffix."""
    return Path(file).suffix.lower() in SUFFIXES


def read_meta(file: str | Path) -> DeployedMeta:
    """What a deployed file says of itself.

    Args:
        file: ONNX file, or OpenVINO's ``.xml``, which has a ``.bin`` beside it.

    Raises:
        FileNotFoundError: It does not exist.
        ValueError: It is damaged, of another kind, or not of this package.
    """
    if not is_deployed(file):
        raise ValueError(
            f"{file} is no deployed file ({' or '.join(SUFFIXES)}): tools/export.py "
            f"writes one"
        )
    kind = ir_file if Path(file).suffix.lower() == ".xml" else onnx_file
    return kind.read_meta(file)


def size_of(file: str | Path) -> int:
    """Bytes of a deployed file with its weights."""
    path = Path(file)
    weights = ir_file.weights_of(path)
    beside = weights.stat().st_size if path.suffix.lower() == ".xml" else 0
    return path.stat().st_size + beside
