# PSPNet-R50 from PSPNet-R101: half the sum of label loss, KL and 0.4 auxiliary loss.
#   python tools/train.py configs/kd/pspnet_r50_kd.py
# Train the teacher first: python tools/train.py configs/kd/pspnet_r101.py
_base_ = [
    "./pspnet_r50.py",
    "../_base_/models/pspnet_r101_teacher.py",
    "../_base_/losses/half_kd.py",
]
_base_.model.auxiliary_head.loss_decode.loss_weight = 0.2  # half, like the other terms
model = dict(
    _delete_=True,
    type="DistillSegmentor",
    student=_base_.model,
    teacher=_base_.pop("teacher"),
    teacher_checkpoint="work_dirs/pspnet_r101_[0-9]*/weights_*_best.safetensors",
    distill_loss=dict(_base_.pop("distill_loss"), label_loss="focal", gamma=2.0),
)
