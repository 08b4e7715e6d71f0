"""The config in docs/own_config.md wraps a plain MMSegmentation config."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT
from tests.tools import status_of

BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
STUDENT = """
norm = dict(mean=[127.5] * 3, std=[60.0] * 3, bgr_to_rgb=True)
model = dict(
    type="EncoderDecoder",
    data_preprocessor=dict(
        type="SegDataPreProcessor", size=(32, 32), seg_pad_val=255, **norm
    ),
    pretrained=None,
    backbone=dict(
        type="ResNetV1c", depth=18, base_channels=4, dilations=(1, 1, 2, 4),
        strides=(1, 2, 1, 1), norm_cfg=dict(type="BN"),
    ),
    decode_head=dict(
        type="FCNHead", in_channels=32, channels=4, num_convs=1, num_classes=3,
        norm_cfg=dict(type="BN"), align_corners=False,
        loss_decode=dict(type="CrossEntropyLoss", avg_non_ignore=True),
    ),
    auxiliary_head=dict(
        type="FCNHead", in_channels=16, in_index=2, channels=4, num_convs=1,
        num_classes=3, norm_cfg=dict(type="BN"), align_corners=False,
        loss_decode=dict(
            type="CrossEntropyLoss", avg_non_ignore=True, loss_weight=0.4
        ),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode="whole"),
)
pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    dict(type="PackSegInputs"),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(
        type="BaseSegDataset",
        data_root="data",
        metainfo=dict(classes=("a", "b", "c"), palette=[[0] * 3, [9] * 3, [99] * 3]),
        data_prefix=dict(img_path="img_dir/train", seg_map_path="ann_dir/train"),
        pipeline=pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="BaseSegDataset",
        data_root="data",
        metainfo=dict(classes=("a", "b", "c"), palette=[[0] * 3, [9] * 3, [99] * 3]),
        data_prefix=dict(img_path="img_dir/val", seg_map_path="ann_dir/val"),
        pipeline=pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="SGD", lr=0.01))
train_cfg = dict(type="IterBasedTrainLoop", max_iters=2, val_interval=2)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
default_hooks = dict(
    checkpoint=dict(type="CheckpointHook", by_epoch=False, interval=2, save_best="mIoU")
)
default_scope = "mmseg"
env_cfg = dict(dist_cfg=dict(backend="nccl"))  # as in MMSegmentation's default_runtime
visualizer = dict(type="SegLocalVisualizer", vis_backends=[])
log_processor = dict(by_epoch=False)
"""
TEACHER = """
_base_ = ["my_student.py"]
model = dict(
    backbone=dict(base_channels=8),
    decode_head=dict(in_channels=64),
    auxiliary_head=dict(in_channels=32),
)
"""


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    """Run a tool in a folder with both plain configs, the wrapped one and data."""
    folder, rng = tmp_path_factory.mktemp("own"), np.random.default_rng(0)
    blocks = BLOCK.findall((ROOT / "docs" / "own_config.md").read_text("utf-8"))
    (folder / "my_student.py").write_text(STUDENT)
    (folder / "my_teacher.py").write_text(TEACHER)
    (folder / "my_student_kd.py").write_text("\n".join(blocks))
    for number, part in enumerate(["train"] * 4 + ["val"] * 2):
        label = rng.integers(0, 3, (32, 32)).astype(np.uint8)
        for kind, name in (("img_dir", f"{number}.jpg"), ("ann_dir", f"{number}.png")):
            path = folder / "data" / kind / part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(label if kind == "ann_dir" else 80 * label)
            (image if kind == "ann_dir" else image.convert("RGB")).save(path)

    def call(tool: str, config: str, *words: str) -> Path:
        work_dir = folder / "work_dirs" / Path(config).stem
        argv = [config, *words, "--work-dir", str(work_dir)]
        argv += ["--cfg-options", "train_cfg.max_iters=2"]
        if (tool, config) == ("train.py", "my_student_kd.py"):
            # Its teacher has learnt little in two steps.
            argv += ["model.teacher_gate.allow=['floor']"]
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setattr("signal.signal", lambda *_: None)
            assert status_of(tool, *argv) == 0
        return work_dir

    return call


@pytest.fixture(scope="module")
def teacher(call) -> Path:
    """Work directory of the teacher."""
    return call("train.py", "my_teacher.py")


@pytest.mark.slow
def test_a_plain_config_is_distilled_and_tested(call, teacher, capsys):
    work_dir = call("train.py", "my_student_kd.py")
    printed = capsys.readouterr().out
    assert "loss_distill" in printed
    assert "aux.loss_ce" in printed
    assert list(work_dir.glob("weights_*_best.safetensors"))
    assert (work_dir / "teacher.json").is_file()
    call("test.py", "my_student.py", str(work_dir / "iter_2.pth"))
    assert "mIoU" in capsys.readouterr().out


@pytest.mark.slow
def test_a_teacher_trained_on_evaluated_frames_is_rejected(call, teacher):
    with (teacher / "train_frames.txt").open("a") as trained:
        trained.write("data/img_dir/val/4.jpg\n")
    with pytest.raises(SystemExit, match="trained on 1 of 2 frames of the val part"):
        call("train.py", "my_student_kd.py")
