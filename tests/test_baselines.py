"""Every baseline trains and tests, with the schedules and losses of the notes."""

from typing import Any

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.hooks import ParamSchedulerHook
from mmengine.optim import AmpOptimWrapper, build_optim_wrapper
from mmengine.structures import PixelData
from mmseg.datasets.transforms import GenerateEdge
from mmseg.registry import HOOKS, MODELS, PARAM_SCHEDULERS, TRANSFORMS
from torch import nn

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.types import distills, is_a
from mmseg_splashkd.config.walk import loader_leaves, plain_model
from mmseg_splashkd.runs.train import train
from tests.baselines import FOLDER, baseline, libraries, small_baseline
from tests.conftest import tiny_run
from tests.models.builders import random_batch
from tests.photos import write_config


def batch_of(cfg: Any, classes: int) -> dict:
    """Two random frames, with edges if the pipeline of a config draws them."""
    batch = random_batch(classes, (64, 64))
    (frames,) = loader_leaves(cfg, "train_dataloader")
    edges = [step for step in frames.pipeline if is_a(step, GenerateEdge)]
    for sample in batch["data_samples"] if edges else ():
        label = sample.gt_sem_seg.data[0].numpy()
        results = {"img_shape": label.shape, "gt_seg_map": label}
        edge = TRANSFORMS.build(edges[0]).transform(results)["gt_edge_map"]
        edge = torch.from_numpy(edge.astype(np.int64))[None]
        sample.set_data({"gt_edge_map": PixelData(data=edge)})
    return batch


NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.mark.filterwarnings("ignore:When align_corners")
@pytest.mark.filterwarnings("ignore:``build_pixel_sampler``")  # of mmseg, for STDC1
@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_training_and_a_prediction(name):
    cfg = small_baseline(name)
    torch.manual_seed(0)
    model: Any = MODELS.build(cfg.model)
    classes = model.num_classes
    batch = batch_of(cfg, classes)
    wrapper = build_optim_wrapper(model, {**cfg.optim_wrapper, "type": "OptimWrapper"})
    trained = plain_model(cfg.model)
    part = "student.decode_head" if distills(cfg) else "decode_head"
    before = model.get_submodule(part).conv_seg.weight.detach().clone()
    log = model.train().train_step(batch, wrapper)
    assert all(torch.isfinite(value).all() for value in log.values())
    after = model.get_submodule(part).conv_seg.weight
    assert not torch.equal(before, after)
    assert after.shape[0] == trained["decode_head"]["num_classes"]
    with torch.no_grad():
        predicted = model.eval().test_step(batch)
    for sample in predicted:
        assert sample.seg_logits.data.shape == (classes, 64, 64)
        assert sample.pred_sem_seg.data.max() < classes


def test_the_readme_lists_every_config_once():
    text = (FOLDER / "README.md").read_text()
    assert {name: text.count(f"]({name}.py)") for name in NAMES} == dict.fromkeys(
        NAMES, 1
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_config_says_which_extra_it_needs(name):
    extras = {"segmentation_models_pytorch": "smp"}
    needed = {extras.get(each, each) for each in libraries(baseline(name).to_dict())}
    text = (FOLDER / f"{name}.py").read_text()
    named = {each for each in ("smp", "timm", "transformers") if f".[{each}]" in text}
    assert named == needed


# deeplabv3_r101


def rates(optimizer: Any, scheduler: Any, steps: int) -> list[float]:
    """Learning rate of each step."""
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_one_cycle_rises_for_30_percent_and_falls_along_a_cosine_to_1e_5():
    cfg = read_config(FOLDER / "deeplabv3_r101.py", {"max_iters": 200})
    assert is_a(cfg.optim_wrapper, AmpOptimWrapper)
    weights = [nn.Parameter(torch.zeros(1))]
    ours = torch.optim.SGD(weights, lr=cfg.optim_wrapper.optimizer.lr)
    scheduler = PARAM_SCHEDULERS.build({**cfg.param_scheduler, "optimizer": ours})
    found = rates(ours, scheduler, 200)
    assert max(found) == pytest.approx(0.01, rel=1e-3)
    assert found.index(max(found)) == pytest.approx(0.3 * 200, abs=1)
    assert found[-1] == pytest.approx(1e-5)
    theirs = torch.optim.SGD(weights, lr=1.0)
    oracle = torch.optim.lr_scheduler.OneCycleLR(
        theirs,
        max_lr=0.01,
        total_steps=200,
        pct_start=0.3,
        final_div_factor=40.0,
        cycle_momentum=False,
    )
    np.testing.assert_allclose(found, rates(theirs, oracle, 200), rtol=1e-6)


def test_a_run_with_one_cycle_ends_with_weights(photos, tmp_path):
    schedule = baseline("deeplabv3_r101").param_scheduler.to_dict()
    line = f"param_scheduler = {schedule | {'total_steps': 2}!r}\n"
    config = write_config(tmp_path / "one_cycle.py", photos, line)
    run = train(config, tmp_path / "run")
    for kind in ("best", "last"):
        assert list(run.glob(f"weights_one_cycle_*_{kind}.safetensors"))


def test_the_classifier_ends_as_in_the_notes():
    head: Any = MODELS.build(small_baseline("deeplabv3_r101").model).decode_head
    conv = head.bottleneck.conv
    assert (conv.kernel_size, conv.padding) == ((3, 3), (1, 1))
    assert isinstance(head.bottleneck.bn, nn.BatchNorm2d)
    assert isinstance(head.bottleneck.activate, nn.ReLU)
    assert head.dropout.p == 0.5
    assert head.conv_seg.kernel_size == (1, 1)


@pytest.mark.parametrize(
    ("name", "focal", "dice"),
    [
        ("deeplabv3_r101", 1.0, 0.5),
        ("mask2former_swin-l", 1.0, 0.5),
        ("mask2former_swin-l_collection2", 0.75, 0.25),
        ("deeplabv3plus_r50_focal_dice_trash", 0.75, 0.25),
    ],
)
def test_the_losses_of_a_batch_have_the_weights_of_the_notes(name, focal, dice):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 8, 8, generator=generator)
    labels = torch.randint(5, (2, 8, 8), generator=generator)
    losses = [
        MODELS.build(each) for each in baseline(name).model.decode_head.loss_decode
    ]
    p = logits.double().softmax(1).numpy()
    one_hot = np.eye(5)[labels.numpy()].transpose(0, 3, 1, 2)
    true = (p * one_hot).sum(1)
    expected_focal = np.mean(-((1 - true) ** 2) * np.log(true))
    # Milletari et al., V-Net, section 3, per frame.
    overlap = 2 * (p * one_hot).sum((1, 2, 3))
    areas = (p**2).sum((1, 2, 3)) + one_hot.sum((1, 2, 3))
    expected_dice = np.mean(1 - overlap / (areas + 2e-3))
    found = [float(loss(logits, labels)) for loss in losses]
    np.testing.assert_allclose(
        found, [focal * expected_focal, dice * expected_dice], rtol=1e-5
    )


# mask2former_swin-l


class WithScheduler:
    """What ``ParamSchedulerHook`` reads of a runner."""

    def __init__(self, scheduler: Any) -> None:
        self.param_schedulers = [scheduler]


def test_the_learning_rate_falls_when_the_validation_loss_does_not():
    cfg = baseline("mask2former_swin-l")
    evaluator = Evaluator(cfg.val_evaluator)
    (metric,) = [m for m in evaluator.metrics if type(m).__name__.startswith("Cross")]
    weights = [nn.Parameter(torch.zeros(1))]
    ours = torch.optim.AdamW(weights, lr=cfg.optim_wrapper.optimizer.lr)
    theirs = torch.optim.AdamW(weights, lr=5e-5)
    oracle = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, "min", 0.1, 5)
    scheduler = PARAM_SCHEDULERS.build({**cfg.param_scheduler, "optimizer": ours})
    hook = ParamSchedulerHook()
    losses = [2.0, 1.0, *[1.5] * 7, 0.5, *[0.6] * 6]
    for loss in losses:
        metrics = metric.compute_metrics([torch.tensor([loss, 1.0])])
        hook.after_val_epoch(WithScheduler(scheduler), metrics)  # type: ignore[arg-type]
        oracle.step(loss)
        assert ours.param_groups[0]["lr"] == theirs.param_groups[0]["lr"]
    assert ours.param_groups[0]["lr"] == pytest.approx(5e-7)


def test_all_but_the_last_modules_are_frozen():
    cfg = small_baseline("mask2former_swin-l")
    model: Any = MODELS.build(cfg.model)
    hook = HOOKS.build(cfg.custom_hooks[-1])
    hook.before_train(WithModel(model))
    network = model.backbone.model
    trained = {
        name for name, weight in model.named_parameters() if weight.requires_grad
    }
    assert len(list(network.model.transformer_module.children())) == 5
    parts = ("model.transformer_module.", "class_predictor.")
    expected = {
        f"backbone.model.{name}"
        for name, _ in network.named_parameters()
        if name.startswith(parts)
    }
    heads = {f"decode_head.conv_seg.{name}" for name in ("weight", "bias")}
    assert trained == expected | heads
    frozen = {n: w.clone() for n, w in model.named_parameters() if n not in trained}
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    model.train().train_step(batch_of(cfg, 15), wrapper)
    assert all(torch.equal(model.get_parameter(n), w) for n, w in frozen.items())


class WithModel:
    """What ``FreezeHook`` reads of a runner."""

    logger = None

    def __init__(self, model: Any) -> None:
        self.model = model


# Students of today


def in_this_process() -> dict[str, Any]:
    """Options of loaders without workers."""
    return {
        f"{part}_dataloader.{key}": value
        for part in ("train", "val")
        for key, value in {"num_workers": 0, "persistent_workers": False}.items()
    }


def test_pidnet_trains_with_the_edges_of_its_pipeline(pond, tmp_path):
    options = tiny_run(pond, iterations=2, size=(80, 64)) | in_this_process()
    options |= {"model.backbone.init_cfg": None, "model.backbone.channels": 8}
    options |= {"model.backbone.ppm_channels": 8, "model.decode_head.in_channels": 32}
    options |= {"model.decode_head.channels": 32}
    run = train(FOLDER / "pidnet_s.py", tmp_path / "run", cfg_options=options)
    assert list(run.glob("weights_pidnet_s_*_last.safetensors"))
