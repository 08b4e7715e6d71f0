"""A network of OpenVINO for frames of one size."""

from collections.abc import Sequence
from typing import Any


def of_shape(model: Any, shape: Sequence[int]) -> Any:
    """A copy of a model that takes frames of one shape, without resizes to their size.

    Sizes of all maps are then known when it is compiled, which lets OpenVINO join more
    layers. It does not see by itself that a resize keeps the size.

    Args:
        model: A model of OpenVINO of a deployed function; it stays as it is.
        shape: (N, H, W, 3) of the frames.
    """
    fixed = model.clone()
    fixed.reshape({"frames": list(shape)})
    for each in fixed.get_ordered_ops():
        if each.get_type_name() == "Interpolate" and _keeps_size(each):
            each.output(0).replace(each.input_value(0))
    return fixed


def _keeps_size(resize: Any) -> bool:
    """Whether a resize returns what it is given."""
    before, after = (
        resize.get_input_partial_shape(0),
        resize.get_output_partial_shape(0),
    )
    by_size = resize.get_attributes()["shape_calculation_mode"] == "sizes"
    return by_size and before.is_static and before == after
