# As source_segformer_b0_farmA2farmB.py: EfficientNet-Lite2 from ImageNet weights, which
# teaches a small student after it has been adapted.
#   python tools/train.py configs/adaptation/source_lite2_farmA2farmB.py
_base_ = [
    "../_base_/models/fpn_lite2.py",
    "../_base_/datasets/two_farms.py",
    "../_base_/schedules/adamw_lite_400.py",
    "../_base_/default_runtime.py",
]
max_iters = 600
model = dict(decode_head=dict(loss_decode=dict(gamma=0.0)))
train_cfg = dict(val_interval=600)
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=600))
custom_hooks = [*_base_.custom_hooks, dict(type="ChannelsLastHook")]
