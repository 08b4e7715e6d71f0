# The demo's distilled student: experiment 0627 with a B1 teacher.
#   python tools/train.py configs/demo/segformer_b0_kd_pe001_pond.py
_base_ = [
    "./segformer_b0_pond.py",
    "../_base_/models/segformer_b1_teacher.py",
    "../_base_/losses/focal_modulated_kd.py",
]
_base_.teacher.backbone.init_cfg = None
_base_.model.decode_head.update(type="PositionalSegformerHead", ratio=0.01)
experiment = "0627"
model = dict(
    _delete_=True,
    type="DistillSegmentor",
    student=_base_.model,
    teacher=_base_.pop("teacher"),
    teacher_checkpoint="work_dirs/segformer_b1_pond_[0-9]*/weights_*_best.safetensors",
    distill_loss=_base_.pop("distill_loss"),
)
