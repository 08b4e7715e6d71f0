# As ponds_few_ce.py, with SegFormer-B0 from scratch.
#   python tools/train.py configs/when_it_pays/ponds_few_b0_ce.py
_base_ = [
    "../_base_/models/segformer_b0.py",
    "../_base_/datasets/ponds_few.py",
    "../_base_/schedules/adamw_scratch_300.py",
    "../_base_/default_runtime.py",
]
max_iters = 1500
warmup = 30
model = dict(
    backbone=dict(init_cfg=None), decode_head=dict(loss_decode=dict(gamma=0.0))
)
train_cfg = dict(val_interval=1500)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
default_hooks = dict(logger=dict(interval=100), checkpoint=dict(interval=1500))
custom_hooks = [*_base_.custom_hooks, dict(type="ChannelsLastHook")]
