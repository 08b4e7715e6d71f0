# As ponds_few_cwd.py, with SegFormer-B0 from scratch.
#   python tools/train.py configs/when_it_pays/ponds_few_lite2.py
#   python tools/cache_teacher.py configs/when_it_pays/ponds_few_b0_cwd.py
#   python tools/train.py configs/when_it_pays/ponds_few_b0_cwd.py
_base_ = [
    "./ponds_few_b0_ce.py",
    "../_base_/models/fpn_lite2_teacher.py",
    "../_base_/losses/ce_cwd.py",
]
_base_.teacher.backbone.init_cfg = None  # its weights are those of teacher_checkpoint
train_dataloader = dict(
    sampler=dict(views=5, view_seed=0, unlabelled_share=0.5),
    dataset=dict(dataset=dict(unlabelled="include")),
)
model = dict(
    _delete_=True,
    type="DistillSegmentor",
    student=_base_.model,
    teacher=_base_.pop("teacher"),
    teacher_checkpoint="work_dirs/ponds_few_lite2_[0-9]*/weights_*_last.safetensors",
    distill_loss=_base_.pop("distill_loss"),
)
teacher_cache = dict(dir="work_dirs/teacher_cache/ponds_few", views=5, store="logits")
