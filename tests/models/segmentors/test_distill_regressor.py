"""Dense regression: student and teacher of maps, and the configs of grasps."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS

from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.datasets.synthetic import draw_grasps
from mmseg_splashkd.hooks import TeacherGateHook
from mmseg_splashkd.models.losses.functional.maps import smooth_l1_maps
from mmseg_splashkd.runs.test import evaluate
from mmseg_splashkd.runs.train import train
from tests.conftest import CONFIGS, ROOT
from tests.models.builders import build, distiller, fcn, losses_of, random_batch

TEACHER, STUDENT = sorted((CONFIGS / "grasp").glob("*.py"))


def small(model: str, backbone: str = "backbone") -> dict[str, Any]:
    """Options that make a PSPNet at a key of a config a few KB large."""
    tiny = {"depth": 18, "base_channels": 8, "stem_channels": 8, "init_cfg": None}
    head = {"in_channels": 64, "channels": 8}
    options = {f"{model}.{backbone}.{key}": value for key, value in tiny.items()}
    return options | {f"{model}.decode_head.{key}": n for key, n in head.items()}


OF_PAIR = small("model.student", "backbone.backbone") | small("model.teacher")


def pair(**options: Any) -> Any:
    init_default_scope("mmseg")
    torch.manual_seed(0)
    cfg = read_config(STUDENT, OF_PAIR | options)
    return MODELS.build(cfg.model)


def batch_of(frames: int = 2) -> dict:
    """Frames of colours and depth, and targets of four maps."""
    batch = random_batch(frames=frames)
    generator = torch.Generator().manual_seed(3)
    for index, sample in enumerate(batch["data_samples"]):
        image = batch["inputs"][index].float()
        batch["inputs"][index] = torch.cat([image, 4 * image[:1]])
        maps = torch.rand(4, 32, 32, generator=generator)
        sample.set_data({"gt_depth_map": PixelData(data=maps)})
        del sample.gt_sem_seg
    return batch


@pytest.mark.parametrize("ratio", [0.0, 0.25, 1.0])
def test_total_is_label_and_teacher_loss_in_their_shares(ratio):
    model = pair(**{"model.distill_loss.teacher_ratio": ratio}).train()
    seen = {}
    for name in ("student", "teacher"):
        head = getattr(model, name).decode_head
        head.register_forward_hook(
            lambda _, __, maps, name=name: seen.update({name: maps})
        )
    batch = batch_of()
    targets = torch.stack([s.gt_depth_map.data for s in batch["data_samples"]])
    total, _ = model.parse_losses(losses_of(model, batch))
    maps = torch.nn.functional.interpolate(seen["student"], (32, 32), mode="bilinear")
    expected = (1 - ratio) * smooth_l1_maps(maps, targets)
    assert ("teacher" in seen) == (ratio > 0)
    if ratio:
        expected = expected + ratio * smooth_l1_maps(seen["student"], seen["teacher"])
    torch.testing.assert_close(total, expected)
    total.backward()
    assert model.student.backbone.adapter.weight.grad.abs().sum() > 0


def test_it_learns_the_maps_and_saves_the_student_alone():
    model = pair().train()
    assert model.state_dict().keys() == model.student.state_dict().keys()
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    values = []
    for _ in range(6):
        total, _ = model.parse_losses(losses_of(model, batch_of()))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        values.append(total.item())
    assert values[-1] < 0.9 * values[0]


def test_predicts_four_maps_of_the_size_of_the_frame():
    model = pair().eval()
    data = model.data_preprocessor(batch_of(1), False)
    with torch.no_grad():
        (sample,) = model(**data, mode="predict")
    assert sample.pred_depth_map.data.shape == (4, 32, 32)


def test_an_auxiliary_head_learns_the_maps():
    model = read_config(STUDENT, OF_PAIR).model.to_dict()
    head = {**model["student"]["decode_head"], "in_index": 2, "in_channels": 32}
    head["loss_decode"] = {"type": "SmoothL1MapsLoss", "loss_weight": 0.4}
    model["student"]["auxiliary_head"] = head
    torch.manual_seed(0)
    built: Any = MODELS.build(model).train()
    losses = losses_of(built, batch_of())
    assert losses["aux.loss_maps"] > 0
    losses["aux.loss_maps"].backward()
    assert built.student.auxiliary_head.conv_seg.weight.grad.abs().sum() > 0


def test_classes_and_maps_are_not_mixed():
    maps = read_config(TEACHER, small("model")).model.to_dict()
    to_maps = {"distill_loss": {"type": "RegressionKDLoss"}}
    with pytest.raises(ValueError, match="regresses maps, and its decode_head is FCN"):
        distiller(fcn(), fcn(), **to_maps)
    with pytest.raises(ValueError, match=r"^student is a DepthEst.*DistillRegressor w"):
        distiller(maps, maps, **to_maps)
    with pytest.raises(ValueError, match=r"^teacher is a DepthEstimator, which regr"):
        distiller(fcn(4), maps)
    of_maps = {"type": "DistillRegressor", **to_maps}
    with pytest.raises(ValueError, match=r"^student is a EncoderDecoder, which predi"):
        distiller(fcn(), maps, **of_maps)
    with pytest.raises(ValueError, match=r"FocalModulatedKDLoss compares classes.*tak"):
        distiller(maps, maps, type="DistillRegressor")


def test_conditions_that_are_for_classes_are_refused():
    floor = {"model.teacher_gate": {"floor": {"Grasp.success": 50}}}
    with pytest.raises(ValueError, match=r"teacher_gate.floor=.* of classes alone: le"):
        pair(**floor)
    runner: Any = SimpleNamespace(model=pair())
    with pytest.raises(ValueError, match="remove it from custom_hooks"):
        TeacherGateHook().before_train(runner)


def test_several_losses_of_the_head_are_refused():
    head = read_config(TEACHER, small("model")).model.decode_head.to_dict()
    head["loss_decode"] = [{"type": "SmoothL1MapsLoss"}] * 2
    with pytest.raises(ValueError, match="is a list: give one loss"):
        build(head)


def test_metafile_and_first_comments():
    metafile = yaml.safe_load((CONFIGS / "grasp" / "metafile.yml").read_text())
    named = sorted(ROOT / model["Config"] for model in metafile["Models"])
    assert named == [TEACHER, STUDENT]
    for path in named:
        command = f"python tools/train.py {path.relative_to(ROOT)}"
        assert command in path.read_text()


@pytest.mark.slow
def test_the_pair_trains_and_tests(tmp_path: Path):
    """The configs themselves, the student on depth and its teacher on colours."""
    options: dict[str, Any] = {"max_iters": 2, "train_cfg.val_interval": 2}
    options |= {"data_root": str(draw_grasps(tmp_path / "data", 4, 2, size=48))}
    options |= {
        "default_hooks.checkpoint.interval": 2,
        "train_dataloader.batch_size": 2,
    }
    for part in ("train", "val", "test"):
        loader = f"{part}_dataloader"
        options |= {f"{loader}.num_workers": 0, f"{loader}.persistent_workers": False}
    teacher = read_config(TEACHER, small("model")).model
    weights = tmp_path / "teacher.safetensors"
    write_weights(MODELS.build(teacher).state_dict(), weights, {})
    options |= OF_PAIR | {"model.teacher_checkpoint": str(weights)}
    run = train(STUDENT, tmp_path / "run", cfg_options=options)
    best = run / "weights_*_best.safetensors"
    found = evaluate(STUDENT, best, tmp_path / "test", cfg_options=options)
    assert [*found] == [
        f"Grasp.{n}" for n in ("success", "position", "cos", "sin", "width")
    ]
    with pytest.raises(ValueError, match=r"--show-dir: for predictions of classes"):
        evaluate(STUDENT, best, show_dir=tmp_path / "shown", cfg_options=options)
