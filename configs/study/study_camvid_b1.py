# The teacher of the study on camvid: SegFormer-B1, cross-entropy, from scratch.
#   python tools/train.py configs/study/study_camvid_b1.py
_base_ = [
    "../_base_/models/segformer_b1.py",
    "../_base_/datasets/camvid_128x160.py",
    "../_base_/schedules/adamw_scratch_300.py",
    "../_base_/default_runtime.py",
]
model = dict(
    backbone=dict(init_cfg=None),
    decode_head=dict(num_classes=11, out_channels=11, loss_decode=dict(gamma=0.0)),
)
max_iters = 1200  # more than the student, so that the teacher is better
train_cfg = dict(val_interval=300)
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(save_best="mIoU"))
