# Lite0 distilled from Lite2 on CamVid: cross-entropy and CWD, from ImageNet weights.
#   CAMVID_ROOT=... python tools/train.py configs/camvid/lite0_kd.py
# Train the teacher first: python tools/train.py configs/camvid/lite2.py
_base_ = [
    "./lite0.py",
    "../_base_/models/fpn_lite2_teacher.py",
    "../_base_/losses/ce_cwd.py",
]
_base_.teacher.backbone.init_cfg = None  # its weights are those of teacher_checkpoint
_base_.teacher.decode_head.update(num_classes=11, out_channels=11)
model = dict(
    _delete_=True,
    type="DistillSegmentor",
    student=_base_.model,
    teacher=_base_.pop("teacher"),
    teacher_checkpoint="work_dirs/lite2_[0-9]*/weights_*_best.safetensors",
    distill_loss=_base_.pop("distill_loss"),
)
