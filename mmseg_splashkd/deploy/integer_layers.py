"""Layers of a network of OpenVINO that compute in integers."""

from typing import Any

LAYERS = ("Convolution", "GroupConvolution", "MatMul")
MOVING = ("Reshape", "Transpose", "Unsqueeze", "Squeeze", "Gather", "Concat")
MOVING += ("Convert", "Multiply")  # of weights that are stored as integers


def layers_of(model: Any) -> tuple[int, tuple[str, ...]]:
    """Which layers of a model compute in integers.

    Args:
        model: A model of OpenVINO.

    Returns:
        Number of layers in integers, and names of those in float.
    """
    layers = [op for op in model.get_ordered_ops() if op.get_type_name() in LAYERS]
    floats = [op.get_friendly_name() for op in layers if not _is_quantised(op)]
    return len(layers) - len(floats), tuple(floats)


def _is_quantised(layer: Any) -> bool:
    """Whether both inputs are rounded, before they are moved or joined."""
    return all(_is_rounded(layer.input_value(index)) for index in (0, 1))


def _is_rounded(source: Any) -> bool:
    node = source.get_node()
    while node.get_type_name() in MOVING:
        node = node.input_value(0).get_node()
    kind = node.get_type_name()
    eight_bits = kind == "Constant" and node.output(0).get_element_type().size == 1
    return kind == "FakeQuantize" or eight_bits
