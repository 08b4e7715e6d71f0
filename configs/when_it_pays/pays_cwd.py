# Distilled: cross-entropy and CWD (T 4, weight 3) of Lite2's logits, read from a cache.
#   CAMVID_ROOT=... python tools/train.py configs/when_it_pays/pays_lite2.py
#   CAMVID_ROOT=... python tools/cache_teacher.py configs/when_it_pays/pays_cwd.py
#   CAMVID_ROOT=... python tools/train.py configs/when_it_pays/pays_cwd.py
_base_ = [
    "./pays_ce.py",
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
    teacher_checkpoint="work_dirs/pays_lite2_[0-9]*/weights_*_last.safetensors",
    distill_loss=_base_.pop("distill_loss"),
)
teacher_cache = dict(dir="work_dirs/teacher_cache/pays", views=5, store="logits")
