# Distilled from few_lite2.py, on the frames without a label, too: two of four in each
# batch, with the teacher only.
#   CAMVID_FRAMES=... python tools/train.py configs/when_it_pays/few_lite2.py
#   CAMVID_FRAMES=... python tools/cache_teacher.py configs/when_it_pays/tiny_few_cwd.py
#   CAMVID_FRAMES=... python tools/train.py configs/when_it_pays/tiny_few_cwd.py
_base_ = [
    "./tiny_few_ce.py",
    "../_base_/models/fpn_lite2_teacher.py",
    "../_base_/losses/ce_cwd.py",
]
_base_.teacher.backbone.init_cfg = None  # its weights are those of teacher_checkpoint
_base_.teacher.decode_head.update(num_classes=11, out_channels=11)
train_dataloader = dict(
    sampler=dict(unlabelled_share=0.5), dataset=dict(dataset=dict(unlabelled="include"))
)
model = dict(
    _delete_=True,
    type="DistillSegmentor",
    student=_base_.model,
    teacher=_base_.pop("teacher"),
    teacher_checkpoint="work_dirs/few_lite2_[0-9]*/weights_*_last.safetensors",
    distill_loss=_base_.pop("distill_loss"),
)
teacher_cache = dict(dir="work_dirs/teacher_cache/few_all", views=5, store="logits")
