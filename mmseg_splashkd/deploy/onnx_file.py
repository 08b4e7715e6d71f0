"""ONNX files of this package, and the refusal of all others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmseg_splashkd.deploy.metadata import DeployedMeta
from mmseg_splashkd.extras import import_extra

PURPOSE = "deployed files"


def onnx() -> Any:
    """The package ``onnx``.

    Raises:
        ImportError: It is not installed.
    """
    return import_extra("onnx", PURPOSE, "deploy")


def read_meta(file: str | Path) -> DeployedMeta:
    """The entries of an ONNX file.

    Args:
        file: The file.

    Raises:
        FileNotFoundError: It does not exist.
        ValueError: It is no ONNX file, is damaged, has weights in other files, or was
            not written by ``tools/export.py``.
    """
    return check_model(load_model(file), file)


def load_model(file: str | Path) -> Any:
    """The model of an ONNX file, without weights that lie in other files.

    Raises:
        FileNotFoundError: It does not exist.
        ValueError: It is no ONNX file, or damaged.
    """
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        return onnx().load(str(path), load_external_data=False)
    except Exception as error:  # protobuf's own, which others do not import
        raise ValueError(f"{path} is no ONNX file, or damaged: {error}") from error


def check_model(model: Any, file: str | Path) -> DeployedMeta:
    """Check that a model is whole and of this package; its entries.

    Args:
        model: An ONNX model.
        file: Its file, for the error.

    Raises:
        ValueError: It has weights in other files, is damaged, or was not written by
            ``tools/export.py``.
    """
    external = onnx().TensorProto.EXTERNAL
    tensors = _tensors(model.graph)
    outside = [each.name for each in tensors if each.data_location == external]
    if outside:
        raise ValueError(
            f"{file} has weights in other files (external data, {len(outside)} "
            f"tensors), which could be exchanged: export them into one file"
        )
    entries = {each.key: each.value for each in model.metadata_props}
    meta = DeployedMeta.read(entries, str(file))
    try:
        onnx().checker.check_model(model)
    except onnx().checker.ValidationError as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    return meta


def _tensors(graph: Any) -> Iterator[Any]:
    """All tensors of a graph: of its own, of its nodes, and of graphs inside these."""
    yield from graph.initializer
    for attribute in (each for node in graph.node for each in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for inner in (attribute.g, *attribute.graphs):
            yield from _tensors(inner)
