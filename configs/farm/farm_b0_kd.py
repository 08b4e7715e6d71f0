# Experiment 0616 on a drawn farm: no position embedding, (1 - r) L_orig + r m L_dist.
#   python tools/train.py configs/farm/farm_b0_kd.py --cfg-options fold=0
_base_ = [
    "./farm_b0.py",
    "../_base_/models/segformer_b1_teacher.py",
    "../_base_/losses/focal_modulated_kd.py",
]
_base_.teacher.backbone.init_cfg = None
experiment = "0616"
model = dict(
    _delete_=True,
    type="DistillSegmentor",
    student=_base_.model,
    teacher=_base_.pop("teacher"),
    teacher_checkpoint="work_dirs/farm_b1_[0-9]*/weights_*_last.safetensors",
    distill_loss=_base_.pop("distill_loss"),
)
