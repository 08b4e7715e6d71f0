"""Every family trains in two processes; this one is rank 0.

Both must hold equal weights after two steps on different frames, and a student without
a weight for its teacher those of the plain model.
"""

import functools
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from torch import Tensor, distributed

from tests.forks import fork, join
from tests.models.adapters.families import smp, transformers, with_fcn
from tests.models.adapters.test_backbones import CONVNEXT, DINOV3
from tests.models.builders import build, distiller, random_batch, segformer

SGD = {"optimizer": {"type": "SGD", "lr": 0.01, "momentum": 0.9}}
LABELS = {"type": "FocalModulatedKDLoss", "teacher_ratio": 0.0, "modulate": "none"}
TAUGHT = {"type": "FocalModulatedKDLoss"}
# Family -> its config, and whether the library leaves weights unused.
FAMILIES: dict[str, tuple[Any, bool]] = {
    "SegFormer": (segformer, False),
    "U-Net of smp": (functools.partial(smp, "Unet"), False),
    "SegFormer of transformers": (functools.partial(transformers, "SegFormer"), False),
    "DPT of transformers": (functools.partial(transformers, "DPT"), True),
    "Mask2Former": (functools.partial(transformers, "Mask2Former"), False),
    "EoMT": (functools.partial(transformers, "EoMT"), False),
    "ConvNeXt of mmpretrain": (functools.partial(with_fcn, CONVNEXT, 8, 0), False),
    "DINOv3 of timm": (functools.partial(with_fcn, DINOV3, 16, 1), False),
}


def _trained(model: Any, unused: bool) -> dict[str, Tensor]:
    """Weights of the student after two steps of this process."""
    wrapped = MMDistributedDataParallel(
        model.train(), device_ids=None, find_unused_parameters=unused
    )
    optimizer = build_optim_wrapper(wrapped, SGD)
    for step in range(2):
        seed = 2 * step + distributed.get_rank()
        wrapped.train_step(random_batch(size=(64, 64), seed=seed), optimizer)
    bare = getattr(model, "student", model)
    return {name: value.detach().clone() for name, value in bare.named_parameters()}


def _weights(name: str) -> list[dict[str, Tensor]]:
    """Weights of the plain model, of a student of labels alone, and of a taught one."""
    config, unused = FAMILIES[name]
    models = [build(config())]
    models += [
        distiller(config(), segformer(), distill_loss=loss) for loss in (LABELS, TAUGHT)
    ]
    for model in models[1:]:
        model.student.load_state_dict(models[0].state_dict())
    return [_trained(model, unused) for model in models]


def _work(rank: int, folder: str) -> dict[str, list[dict[str, Tensor]]]:
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/init", rank=rank, world_size=2
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about DDP on the CPU
            return {name: _weights(name) for name in FAMILIES}
    finally:
        distributed.destroy_process_group()


def _child(_: int, folder: str) -> None:
    torch.save(_work(1, folder), Path(folder, "1.pt"))


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    for library in ("segmentation_models_pytorch", "transformers", "mmpretrain.models"):
        pytest.importorskip(library)
    init_default_scope("mmseg")
    folder = tmp_path_factory.mktemp("families")
    other = fork(_child, str(folder))
    first = _work(0, str(folder))
    join(other)
    return first, torch.load(folder / "1.pt")


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_two_processes_end_with_equal_weights(two_processes, family):
    first, second = (each[family] for each in two_processes)
    for ours, theirs in zip(first, second, strict=True):
        for name, value in ours.items():
            assert torch.equal(value, theirs[name]), name
    plain, of_labels, taught = first
    for name, value in plain.items():
        assert torch.equal(value, of_labels[name]), name
    assert any(not torch.equal(value, taught[name]) for name, value in plain.items())
    begin = dict(build(FAMILIES[family][0]()).named_parameters())
    assert any(not torch.equal(value, begin[name]) for name, value in plain.items())
