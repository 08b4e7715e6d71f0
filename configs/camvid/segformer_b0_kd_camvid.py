# The distilled student on CamVid: cross-entropy and KL with equal weights, a B1 teacher.
#   CAMVID_ROOT=... python tools/train.py configs/camvid/segformer_b0_kd_camvid.py
_base_ = [
    "./segformer_b0_camvid.py",
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
    teacher_checkpoint="work_dirs/segformer_b1_camvid_[0-9]*/weights_*_best.safetensors",
    distill_loss=dict(_base_.pop("distill_loss"), label_loss="ce"),
)
