# Distilled: cross-entropy and KL (T 1) of B0's logits, read from a cache.
#   python tools/train.py configs/when_it_pays/ponds_b0.py
#   python tools/cache_teacher.py configs/when_it_pays/ponds_kl.py
#   python tools/train.py configs/when_it_pays/ponds_kl.py
_base_ = [
    "./ponds_ce.py",
    "../_base_/models/segformer_b0_teacher.py",
    "../_base_/losses/half_kd.py",
]
_base_.teacher.backbone.init_cfg = None  # its weights are those of teacher_checkpoint
model = dict(
    _delete_=True,
    type="DistillSegmentor",
    student=_base_.model,
    teacher=_base_.pop("teacher"),
    teacher_checkpoint="work_dirs/ponds_b0_[0-9]*/weights_*_last.safetensors",
    distill_loss=dict(
        _base_.pop("distill_loss"),
        label_loss="ce",
        terms=[dict(type="KLDLoss", temperature=1.0, weight=1.0)],
    ),
)
teacher_cache = dict(dir="work_dirs/teacher_cache/ponds", views=5, store="logits")
