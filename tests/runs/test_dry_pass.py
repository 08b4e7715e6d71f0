"""One batch before the first step finds what fails late, and leaves no trace."""

import copy
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.hooks import Hook
from mmseg.registry import DATASETS, METRICS, MODELS
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint
from mmseg_splashkd.config.faults import ConfigError
from mmseg_splashkd.evaluation import DiceMetric
from mmseg_splashkd.runs.dry_batch import validation_batch
from mmseg_splashkd.runs.dry_pass import DryPassHook
from mmseg_splashkd.runs.test import evaluate
from mmseg_splashkd.runs.train import train
from mmseg_splashkd.runs.untouched import untouched
from tests.conftest import DISTILLED, TEACHER, tiny_run
from tests.hooks.small_runs import RandomFrames
from tests.models.builders import fcn, segformer
from tests.runs.broken_configs import run


@DATASETS.register_module(force=True)
class FiveFrames(RandomFrames):
    """Five frames, of which batches of two leave one over."""

    def __init__(self) -> None:
        super().__init__()
        self.frames.append(copy.deepcopy(self.frames[0]))


@DATASETS.register_module(force=True)
class TwoSizes(RandomFrames):
    """Frames of two sizes, as a Resize with keep_ratio returns them."""

    def __init__(self) -> None:
        super().__init__()
        for frame in self.frames[::2]:
            frame["inputs"] = frame["inputs"][:, :16]


@DATASETS.register_module(force=True)
class ManyLabels(RandomFrames):
    """Labels with a class 7 that no model here has."""

    def __init__(self) -> None:
        super().__init__()
        for frame in self.frames:
            frame["data_samples"].gt_sem_seg.data[:] = 7


def pspnet() -> dict:
    """A PSPNet, whose branch of one bin normalises over the batch only."""
    model = fcn(auxiliary=False)
    head = model["decode_head"]
    for name in ("num_convs", "concat_input"):
        del head[name]
    return {**model, "decode_head": {**head, "type": "PSPHead", "pool_scales": (1, 2)}}


def weights_of(work_dir: Path, pattern: str) -> dict[str, Any]:
    path = find_checkpoint(str(work_dir / pattern))
    return read_checkpoint(path)["state_dict"]


def assert_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert torch.equal(value, other[key]), key


@pytest.fixture
def without(monkeypatch):
    """Train without the dry pass."""
    monkeypatch.setattr(DryPassHook, "before_train", lambda *_: None)


class StopHook(Hook):
    """Keeps the state of the run before its first step."""

    priority = "LOWEST"

    def before_train_iter(self, runner, *_, **__):
        if runner.iter == 0:
            hub = runner.message_hub
            self.numbers = [
                random.getstate(),
                np.random.get_state(legacy=True)[1].tolist(),  # type: ignore[index]  # noqa: NPY002
                torch.get_rng_state().tolist(),
            ]
            self.gradients = [p.grad for p in runner.model.parameters()]
            self.logged = sorted(hub.log_scalars)
            self.results = [m.results for m in runner.val_loop.evaluator.metrics]


def states(work_dir: Path, *hooks: Hook) -> tuple[StopHook, dict[str, Any]]:
    hook = StopHook()
    changes = {"train_dataloader.sampler": {"type": "DefaultSampler", "shuffle": True}}
    changes["model"] = segformer(drop=0.5)
    runner: Any = run(changes, work_dir, hook, *hooks)
    return hook, runner.model.state_dict()


def test_global_random_numbers_and_weights_are_those_without_it(tmp_path):
    """Dropout and shuffling draw from the global generators, which no hook seeds."""
    plain, plain_weights = states(tmp_path / "plain")
    dry, dry_weights = states(tmp_path / "dry", DryPassHook())
    assert dry.numbers == plain.numbers
    assert dry.logged == plain.logged
    assert all(gradient is None for gradient in dry.gradients)
    assert dry.results == [[]]
    assert_equal(dry_weights, plain_weights)


@pytest.mark.slow
def test_a_plain_run_ends_with_the_weights_of_one_without_it(
    teacher, pond, without, tmp_path
):
    options = tiny_run(pond, "model")
    work_dir = train(TEACHER, tmp_path / "run", cfg_options=options)
    last = "weights_*_last.safetensors"
    assert_equal(weights_of(work_dir, last), weights_of(teacher, last))


@pytest.mark.slow
def test_a_distilled_run_ends_with_the_weights_of_one_without_it(
    distilled, distil_options, without, tmp_path
):
    work_dir = train(DISTILLED, tmp_path / "run", cfg_options=distil_options)
    for pattern in ("weights_*_last.safetensors", "iter_2.pth"):
        assert_equal(weights_of(work_dir, pattern), weights_of(distilled, pattern))


class Counting(nn.Module):
    """Changes whatever a forward pass can change."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2)
        self.calls = 0
        self.register_buffer("mean", torch.zeros(2))
        self.mean: torch.Tensor
        object.__setattr__(self, "held", nn.BatchNorm1d(2))  # not registered

    @property
    def other(self) -> nn.Module:
        return vars(self)["held"]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.mean = self.mean + x.mean(0)
        return self.other(self.norm(x))


def test_untouched_restores_a_model(caplog):
    model = Counting().eval()
    before = copy.deepcopy(model.state_dict())
    held = copy.deepcopy(model.other.state_dict())
    logger = SimpleNamespace(addFilter=lambda _: None, removeFilter=lambda _: None)
    hub = SimpleNamespace(log_scalars={"a": [1]}, runtime_info={"i": 1})
    hub._resumed_keys = {}
    runner: Any = SimpleNamespace(model=model, message_hub=hub, logger=logger)
    torch.manual_seed(3)
    expected = torch.random.get_rng_state()
    with untouched(runner):
        model.train()
        model(torch.randn(4, 2)).sum().backward()
        hub.log_scalars["a"].append(2)
        hub.runtime_info["j"] = 2
        assert model.calls == 1
        assert model.norm.weight.grad is not None
    assert model.calls == 0
    assert not model.training
    assert not model.norm.training
    assert model.norm.weight.grad is None
    assert_equal(model.state_dict(), before)
    assert_equal(model.other.state_dict(), held)
    assert hub.log_scalars == {"a": [1]}
    assert hub.runtime_info == {"i": 1}
    assert torch.equal(torch.random.get_rng_state(), expected)


# What it finds.

MIOU = {"default_hooks.checkpoint.rule": "greater"}
FAULTS = {
    "metric of save_best": (
        {"default_hooks.checkpoint.save_best": "mIou", **MIOU},
        r"checkpoint\.save_best='mIou' is not a metric of the validation: did you mean "
        r"'mIoU'\? There are aAcc, mIoU, mAcc$",
    ),
    "monitor of early stopping": (
        {"custom_hooks": [{"type": "EarlyStoppingHook", "monitor": "mDice"}]},
        r"EarlyStoppingHook\.monitor='mDice' is not a metric of the validation.* There",
    ),
    "monitor of a schedule": (
        {
            "param_scheduler": [
                {"type": "ReduceOnPlateauLR", "monitor": "loss", "by_epoch": True}
            ]
        },
        r"param_scheduler\.monitor='loss' is not a metric",
    ),
    "direction of the first metric": (
        {
            "default_hooks.checkpoint.save_best": "auto",
            "val_evaluator": [{"type": "NamelessMetric"}],
        },
        r"save_best='auto' takes the first metric, 'foo', whose direction is not",
    ),
    "misspelt score": (
        {"val_evaluator": [{"type": "IoUMetric", "iou_metrics": ["mIOU"]}]},
        r"scoring a val batch fails before the first step, val_evaluator=\[\{'type': "
        r"'IoUMetric', 'iou_metrics': \['mIOU'\]\}\]: KeyError: .*mIOU.*not supported.*"
        r": did you mean 'mIoU'\?$",
    ),
    "frames of several sizes": (
        {"val_dataloader.dataset.type": "TwoSizes"},
        r"val_dataloader\.batch_size=2: frames of several sizes \(16x32 and 32x32\) "
        r"make no batch: set val_dataloader\.batch_size=1, or Resize with keep_ratio=F",
    ),
    "batch of one": (
        {"model": pspnet(), "train_dataloader.batch_size": 1},
        r"train_dataloader\.batch_size=1: decode_head\.psp_modules\.0\.1\.bn of the "
        r"model normalises over one value per channel\. Set .*batch_size=2 or more",
    ),
    "last batch of one": (
        {
            "model": pspnet(),
            "train_dataloader.dataset.type": "FiveFrames",
            "train_dataloader.sampler": {"type": "DefaultSampler", "shuffle": True},
        },
        r"holds 1 of 5 frames at train_dataloader\.batch_size=2: decode_head\.psp.*"
        r"Set train_dataloader\.drop_last=True",
    ),
    "labels that are no classes": (
        {"train_dataloader.dataset.type": "ManyLabels"},
        r"labels of a training batch hold \[7\], which are no classes of model\.decode_"
        r"head\.num_classes=2 and not ignore_index=255",
    ),
    "channels that do not fit": (
        {"model.decode_head.in_channels": [8, 8, 8, 16]},
        r"the loss of a training batch fails before the first step in "
        r"model\.decode_head\.convs\.3\.conv \(Conv2d\): RuntimeError: ",
    ),
    "no packed inputs": (
        {"train_dataloader.dataset.type": "Unpacked"},
        r"frames of train_dataloader\.dataset have no 'inputs', only \['img'\]: end "
        r"its pipeline with dict\(type='PackSegInputs'\)",
    ),
    "no frames": (
        {"val_dataloader.dataset.type": "NoFrames"},
        r"val_dataloader\.dataset has no frame: check its data_root",
    ),
}


@DATASETS.register_module(force=True)
class Unpacked(RandomFrames):
    """Frames whose pipeline has no last step."""

    def __getitem__(self, index: int) -> dict:
        return {"img": self.frames[index]["inputs"]}


@DATASETS.register_module(force=True)
class NoFrames(RandomFrames):
    """An empty data set."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = []


@METRICS.register_module(force=True)
class NamelessMetric(DiceMetric):
    """A metric whose name tells no direction."""

    def compute_metrics(self, results: list) -> dict[str, float]:
        return {"foo": 1.0}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_before_the_first_step(name, tmp_path):
    changes, message = FAULTS[name]
    with pytest.raises(ConfigError, match=message):
        run(changes, tmp_path, DryPassHook())
    assert not list(tmp_path.rglob("*.pth"))


def test_the_last_batch_may_be_small_where_it_is_dropped(tmp_path):
    changes = {**FAULTS["last batch of one"][0], "train_dataloader.drop_last": True}
    assert run(changes, tmp_path, DryPassHook()).iter == 2


def test_the_gradient_of_a_model_with_its_own_step_is_not_taken(tmp_path):
    @MODELS.register_module(force=True)
    class OwnStep(MODELS.get("EncoderDecoder")):  # type: ignore[misc]
        def loss(self, *_: Any) -> dict:
            raise AssertionError("called")

        def train_step(self, data: Any, optim_wrapper: Any) -> dict:
            return {}

    changes = {"model.type": "OwnStep", "param_scheduler": []}
    assert run(changes, tmp_path, DryPassHook()).iter == 2


def frames_of_sizes(folder: Path, sizes: list[tuple[int, int]]) -> Any:
    """A loader in batches of two over pictures of these sizes."""
    for index, size in enumerate(sizes):
        Image.new("L", size).save(folder / f"{index}.png")

    class Pictures(list):
        def get_data_info(self, index: int) -> dict:
            return {"img_path": str(folder / f"{index}.png")}

    dataset: Any = Pictures(range(len(sizes)))
    sampler = DefaultSampler(dataset, shuffle=False)
    return DataLoader(dataset, 2, sampler=sampler, collate_fn=list)


@pytest.mark.parametrize(
    ("sizes", "batch"),
    [
        ([(8, 6), (8, 6), (4, 3), (4, 3), (8, 6), (6, 8)], [4, 5]),
        ([(8, 6), (8, 6), (6, 8), (6, 8)], [0, 1]),  # no batch mixes them
        ([(8, 6), (4, 3), (8, 6), (6, 8)], [2, 3]),  # a ratio counts more than a size
        ([(8, 6)], [0]),
    ],
)
def test_a_validation_batch_of_several_sizes_is_taken(tmp_path, sizes, batch):
    assert validation_batch(frames_of_sizes(tmp_path, sizes), "val_dataloader") == batch


@pytest.mark.slow
def test_a_test_finds_a_bad_metric_and_folder_first(teacher, pond, tmp_path):
    options = tiny_run(pond, "model", test_evaluator=[{"type": "IoUMetric"}])
    weights = teacher / "weights_*_last.safetensors"
    options["test_evaluator"][0]["iou_metrics"] = ["mIOU"]
    with pytest.raises(ConfigError, match=r"scoring a test batch fails .*test_evaluat"):
        evaluate(TEACHER, weights, tmp_path / "test", cfg_options=options)
    (tmp_path / "file").touch()
    for argument, name in (("show_dir", "--show-dir"), ("out", "--out")):
        folder: Any = {argument: tmp_path / "file" / "folder"}
        with pytest.raises(OSError, match=f"{name} must be a folder that can be writt"):
            evaluate(TEACHER, weights, cfg_options=tiny_run(pond, "model"), **folder)


def test_a_head_without_batch_norm_takes_one_frame(tmp_path):
    model = pspnet()
    model["decode_head"]["norm_cfg"] = {"type": "GN", "num_groups": 2}
    changes = {"model": model, "train_dataloader.batch_size": 1}
    assert run(changes, tmp_path, DryPassHook()).iter == 2
