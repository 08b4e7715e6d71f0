"""Every kind of network that is exported computes what PyTorch computes."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.walk import plain_model
from mmseg_splashkd.deploy.deployed import Deployed
from mmseg_splashkd.deploy.export import traced
from mmseg_splashkd.deploy.parity import compare_with_torch
from tests.conftest import CONFIGS

pytest.importorskip("onnxscript", reason="no onnxscript: pip install -e '.[deploy]'")
FAMILIES = {
    "SegFormer, position embedding": "kd/segformer_b0_kd_pe1.py",
    "PSPNet": "kd/pspnet_r50.py",
}


@pytest.mark.parametrize("family", FAMILIES)
def test_two_frames_of_odd_size_are_the_same(family):
    model = Config(plain_model(read_config(CONFIGS / FAMILIES[family]).model))
    model.backbone.init_cfg = None
    torch.manual_seed(0)
    network = MODELS.build(model.to_dict()).eval()
    deployed = Deployed(network, (64, 96), class_id=1, threshold=0.4).eval()
    frames = np.random.default_rng(0).integers(0, 256, (2, 2, 45, 67, 3), np.uint8)
    content = traced(deployed).SerializeToString()
    parity = compare_with_torch(content, deployed, list(frames))
    assert parity.frames == 4
    assert parity.probability < 2e-3
    parity.check()
