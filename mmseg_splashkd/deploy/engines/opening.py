"""Engines by name."""

from importlib.util import find_spec
from pathlib import Path

from mmseg_splashkd.deploy.deployed_file import read_meta
from mmseg_splashkd.deploy.engines.engine import Engine
from mmseg_splashkd.deploy.engines.onnx_runtime import OnnxRuntimeEngine
from mmseg_splashkd.deploy.engines.open_vino import PRECISIONS, OpenVinoEngine, has_bf16

ENGINES = ("onnxruntime", *PRECISIONS)  # of a file


def installed() -> list[str]:
    """Engines that can run a file on this machine."""
    found = ["onnxruntime"] if find_spec("onnxruntime") else []
    if find_spec("openvino"):
        found += ["openvino", *(["openvino_bf16"] if has_bf16() else [])]
    return found


def default_engine(file: str | Path) -> str:
    """The engine of a file where none is named: ONNX Runtime, if it can run it."""
    return "onnxruntime" if Path(file).suffix.lower() == ".onnx" else "openvino"


def engines_of(file: str | Path) -> tuple[str, ...]:
    """The engines that can run a file, installed or not, the most exact one first."""
    return ENGINES if default_engine(file) == "onnxruntime" else tuple(PRECISIONS)


def open_engine(name: str, file: str | Path, threads: int | None = None) -> Engine:
    """Open a deployed file.

    Args:
        name: One of ``ENGINES``.
        file: ONNX file of ``tools/export.py``, or ``.xml`` of ``tools/quantize.py``.
        threads: Number of threads, from 1; None: one for each core.

    Raises:
        FileNotFoundError: The file does not exist.
        ImportError: The engine is not installed.
        ValueError: ``name`` is none of ``ENGINES``, the file is damaged or was not
            written by this package, ``threads`` is below 1, or the CPU lacks what the
            engine needs, or the engine cannot run such a file.
    """
    if name not in ENGINES:
        raise ValueError(f"engine {name!r} is none of {', '.join(ENGINES)}")
    if threads is not None and threads < 1:
        raise ValueError(f"threads={threads} must be at least 1")
    meta = read_meta(file)
    if name not in engines_of(file):
        raise ValueError(f"engine {name!r} cannot run {file}: take 'openvino'")
    if name == OnnxRuntimeEngine.name:
        return OnnxRuntimeEngine(Path(file), meta, threads)
    return OpenVinoEngine(Path(file), meta, threads, name)
