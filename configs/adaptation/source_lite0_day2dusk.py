# Source only: EfficientNet-Lite0 from ImageNet weights, trained on CamVid by day, tested
# at dusk.
#   CAMVID_FRAMES=... python tools/train.py configs/adaptation/source_lite0_day2dusk.py
_base_ = [
    "../_base_/models/fpn_lite0_auxiliary.py",
    "../_base_/datasets/camvid_shift.py",
    "../_base_/schedules/adamw_lite_400.py",
    "../_base_/default_runtime.py",
]
max_iters = 800
model = dict(
    decode_head=dict(num_classes=11, out_channels=11, loss_decode=dict(gamma=0.0)),
    auxiliary_head=dict(num_classes=11, out_channels=11),
)
train_cfg = dict(val_interval=800)
optim_wrapper = dict(optimizer=dict(lr=4e-3))
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(save_best="mIoU"))
custom_hooks = [*_base_.custom_hooks, dict(type="ChannelsLastHook")]
