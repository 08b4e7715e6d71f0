# The teacher on CamVid: SegFormer-B1, cross-entropy, from scratch.
#   CAMVID_ROOT=... python tools/train.py configs/camvid/segformer_b1_camvid.py
_base_ = [
    "../_base_/models/segformer_b1.py",
    "../_base_/datasets/camvid_240x320.py",
    "../_base_/schedules/adamw_scratch_300.py",
    "../_base_/default_runtime.py",
]
model = dict(
    backbone=dict(init_cfg=None),
    decode_head=dict(num_classes=11, out_channels=11, loss_decode=dict(gamma=0.0)),
)
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(save_best="mIoU"))
