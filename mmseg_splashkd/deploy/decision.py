"""The threshold inside a network of OpenVINO."""

from typing import Any

import numpy as np

from mmseg_splashkd.extras import import_extra


def with_threshold(model: Any, threshold: float) -> Any:
    """The model with another threshold of its class.

    Args:
        model: A model of OpenVINO of an exported file that decides by a threshold; it
            is changed.
        threshold: A probability in (0, 1].

    Raises:
        ValueError: It does not decide by one threshold.
    """
    opset: Any = import_extra("openvino.opset13", "quantised files", "deploy")
    old = threshold_of(model)
    shape = tuple(old.get_node().output(0).get_shape())
    new = opset.constant(np.full(shape, threshold, np.float32))
    for target in old.get_target_inputs():
        target.replace_source_output(new.output(0))
    return model


def threshold_of(model: Any) -> Any:
    """The output of the constant that is the threshold of a model.

    Args:
        model: A model of OpenVINO.

    Raises:
        ValueError: It does not decide by one threshold.
    """
    # The decision of ``Deployed``, p >= t, is the only comparison with a constant.
    found = [
        each.input_value(1)
        for each in model.get_ops()
        if each.get_type_name() == "GreaterEqual" and _is_scalar(each.input_value(1))
    ]
    if len(found) != 1:
        raise ValueError(f"the network has {len(found)} thresholds, and must have one")
    return found[0]


def _is_scalar(source: Any) -> bool:
    node = source.get_node()
    constant = node.get_type_name() == "Constant"
    return constant and int(np.prod(node.output(0).get_shape())) == 1
