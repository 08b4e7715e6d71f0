# The plain student of Lite2 on CamVid: EfficientNet-Lite0 and FPN, cross-entropy, from
# ImageNet weights.
#   CAMVID_ROOT=... python tools/train.py configs/camvid/lite0.py
_base_ = [
    "../_base_/models/fpn_lite0.py",
    "../_base_/datasets/camvid_240x320.py",
    "../_base_/schedules/adamw_lite_400.py",
    "../_base_/default_runtime.py",
]
crop_size = (160, 208)
model = dict(
    decode_head=dict(num_classes=11, out_channels=11, loss_decode=dict(gamma=0.0)),
)
train_dataloader = dict(batch_size=4)
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(save_best="mIoU"))
