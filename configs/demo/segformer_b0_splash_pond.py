# The demo's distilled student: the loss of configs/kd/segformer_b0_splash.py with a B1
# teacher. All frames of the demo have a label.
#   python tools/train.py configs/demo/segformer_b0_splash_pond.py
_base_ = [
    "./segformer_b0_ce_pond.py",
    "../_base_/models/segformer_b1_teacher.py",
    "../_base_/losses/ce_kl.py",
]
_base_.teacher.backbone.init_cfg = None
model = dict(
    _delete_=True,
    type="DistillSegmentor",
    student=_base_.model,
    teacher=_base_.pop("teacher"),
    teacher_checkpoint="work_dirs/segformer_b1_ce_pond_[0-9]*/weights_*_best.safetensors",
    distill_loss=_base_.pop("distill_loss"),
)
