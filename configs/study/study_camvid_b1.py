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
train_cfg = dict(max_iters=max_iters, val_interval=300)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=30),
    dict(type="PolyLR", by_epoch=False, begin=30, end=max_iters),
]
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(save_best="mIoU"))
