# Recommended for splash with few labels and many frames without one: B4 teaches B0 on all
# frames, half of each batch without a label. Where most have one, see README.md.
#   python tools/train.py configs/kd/segformer_b0_splash.py
# Train the teacher first: python tools/train.py configs/kd/segformer_b4_splash.py
# Where all frames have a label: --cfg-options train_dataloader.sampler.unlabelled_share=None
_base_ = [
    "../_base_/models/segformer_b0.py",
    "../_base_/models/segformer_b4_teacher.py",
    "../_base_/losses/ce_kl.py",
    "../_base_/datasets/splash_few_labels.py",
    "../_base_/schedules/adamw_20k.py",
    "../_base_/default_runtime.py",
]
train_dataloader = dict(
    sampler=dict(unlabelled_share=0.5), dataset=dict(dataset=dict(unlabelled="include"))
)
model = dict(
    _delete_=True,
    type="DistillSegmentor",
    student=_base_.model,
    teacher=_base_.pop("teacher"),
    teacher_checkpoint="work_dirs/segformer_b4_splash_[0-9]*/weights_*_best.safetensors",
    distill_loss=_base_.pop("distill_loss"),
)
