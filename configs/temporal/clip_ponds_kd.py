# The student of clip_ponds_ce.py, distilled as in temporal_ponds_kd.py without its loss: the
# teacher sees each frame alone, as the first three of its channels.
#   python tools/train.py configs/when_it_pays/ponds_few_lite2.py \
#     --cfg-options data_root=data/ponds_1s
#   python tools/cache_teacher.py configs/temporal/clip_ponds_kd.py
#   python tools/train.py configs/temporal/clip_ponds_kd.py
_base_ = [
    "./clip_ponds_ce.py",
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
    distill_loss={**_base_.pop("distill_loss"), "terms": [dict(type="RarityKLDLoss")]},
)
teacher_cache = dict(dir="work_dirs/teacher_cache/clip_ponds", views=5, store="logits")
