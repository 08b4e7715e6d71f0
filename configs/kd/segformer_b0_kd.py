# Experiment 0616: no position embedding, (1 - r) L_orig + r m L_dist.
#   python tools/train.py configs/kd/segformer_b0_kd.py
# Train the teacher first: python tools/train.py configs/kd/segformer_b4.py
_base_ = [
    "../_base_/models/segformer_b0.py",
    "../_base_/models/segformer_b4_teacher.py",
    "../_base_/losses/focal_modulated_kd.py",
    "../_base_/datasets/splash_1024.py",
    "../_base_/schedules/adamw_20k.py",
    "../_base_/default_runtime.py",
]
experiment = "0616"
model = dict(
    _delete_=True,
    type="DistillSegmentor",
    student=_base_.model,
    teacher=_base_.pop("teacher"),
    teacher_checkpoint="work_dirs/segformer_b4_[0-9]*/weights_*_best.safetensors",
    distill_loss=_base_.pop("distill_loss"),
)
