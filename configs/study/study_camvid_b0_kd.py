# The distilled student of the study on camvid: cross-entropy and KL with equal weights.
#   python tools/cache_teacher.py configs/study/study_camvid_b0_kd.py
#   python tools/train.py configs/study/study_camvid_b0_kd.py
_base_ = [
    "./study_camvid_b0.py",
    "../_base_/models/segformer_b1_teacher.py",
    "../_base_/losses/half_kd.py",
]
_base_.teacher.backbone.init_cfg = None
_base_.teacher.decode_head.update(num_classes=11, out_channels=11)
model = dict(
    _delete_=True,
    type="DistillSegmentor",
    student=_base_.model,
    teacher=_base_.pop("teacher"),
    teacher_checkpoint="work_dirs/study_camvid_b1_[0-9]*/weights_*_best.safetensors",
    distill_loss=dict(_base_.pop("distill_loss"), label_loss="ce"),
)
teacher_cache = dict(
    dir="work_dirs/teacher_cache/study_camvid", views=4, store="logits"
)
