# The teacher: EfficientNet-Lite2 and FPN from ImageNet weights, cross-entropy on the few
# labelled frames of ponds_few.py, 600 iterations.
#   python tools/train.py configs/when_it_pays/ponds_few_lite2.py
_base_ = [
    "../_base_/models/fpn_lite2.py",
    "../_base_/datasets/ponds_few.py",
    "../_base_/schedules/adamw_lite_400.py",
    "../_base_/default_runtime.py",
]
max_iters = 600
model = dict(decode_head=dict(loss_decode=dict(gamma=0.0)))
train_cfg = dict(val_interval=600)
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=600))
custom_hooks = [*_base_.custom_hooks, dict(type="ChannelsLastHook")]
