"""An exported file without weights: red is splash, also in other processes."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from mmseg_splashkd.deploy.onnx_file import onnx
from tests.deploy.predict.fakes import META


def write_red_file(path: Path) -> Path:
    """Write an ONNX file that predicts as ``RedEngine``."""
    helper, kinds = onnx().helper, onnx().TensorProto
    values = {"zero": np.array([0]), "one": np.array([1]), "three": np.array([3])}
    values |= {"most": np.float32(255), "whole": np.float32(1), "half": np.float32(0.5)}
    nodes = [
        ("Slice", ["frames", "zero", "one", "three"], "red"),
        ("Cast", ["red"], "float", {"to": kinds.FLOAT}),
        ("Div", ["float", "most"], "last"),
        ("Transpose", ["last"], "splash", {"perm": [0, 3, 1, 2]}),
        ("Sub", ["whole", "splash"], "water"),
        ("Concat", ["water", "splash"], "probabilities", {"axis": 1}),
        ("Squeeze", ["splash", "one"], "plane"),
        ("GreaterOrEqual", ["plane", "half"], "decided"),
        ("Cast", ["decided"], "classes", {"to": kinds.UINT8}),
    ]
    graph = helper.make_graph(
        [
            helper.make_node(kind, given, [name], **(options[0] if options else {}))
            for kind, given, name, *options in nodes
        ],
        "red",
        [_value("frames", kinds.UINT8, ["N", "H", "W", 3])],
        [
            _value("probabilities", kinds.FLOAT, ["N", 2, "H", "W"]),
            _value("classes", kinds.UINT8, ["N", "H", "W"]),
        ],
        [onnx().numpy_helper.from_array(np.asarray(v), k) for k, v in values.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    helper.set_model_props(model, replace(META, parity={}).entries())
    onnx().save(model, str(path))
    return path


def _value(name: str, kind: int, shape: list[str | int]):
    return onnx().helper.make_tensor_value_info(name, kind, shape)
