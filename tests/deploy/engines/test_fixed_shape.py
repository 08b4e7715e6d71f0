"""Frames of one shape have a network of their own, which computes the same."""

import numpy as np
import pytest

from mmseg_splashkd.deploy.engines.fixed_shape import of_shape
from mmseg_splashkd.deploy.engines.open_vino import SHAPES, OpenVinoEngine
from mmseg_splashkd.deploy.engines.open_vino_core import open_vino_core
from mmseg_splashkd.deploy.onnx_file import read_meta

openvino = pytest.importorskip("openvino", reason="no openvino: .[deploy]")


def resizes(model) -> int:
    return sum(op.get_type_name() == "Interpolate" for op in model.get_ops())


def test_resizes_to_the_same_size_are_left_out(exported):
    size = read_meta(exported).size
    model = open_vino_core().read_model(str(exported))
    before = resizes(model)
    assert resizes(of_shape(model, (1, 45, 67, 3))) == before
    fixed = of_shape(model, (1, *size, 3))
    assert resizes(fixed) == before - 2  # of the frame, and back to it
    assert resizes(model) == before
    frames = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
    outputs = [
        open_vino_core().compile_model(
            each, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        )({"frames": frames})
        for each in (model, fixed)
    ]
    for one, other in zip(*(each.values() for each in outputs), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_few_shapes_have_a_network_of_their_own(exported):
    engine = OpenVinoEngine(exported, read_meta(exported), threads=1)
    shapes = [(1, 30 + 2 * each, 41, 3) for each in range(SHAPES + 3)]
    for shape in (*shapes, *shapes):
        probabilities, classes = engine.run(np.zeros(shape, np.uint8))
        assert classes.shape == shape[:3]
        assert probabilities.shape == (1, 2, *shape[1:3])
    assert len(engine._compiled) == SHAPES + 1
