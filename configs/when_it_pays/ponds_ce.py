# Plain student: a SegFormer of 0.02 M parameters on six drawn recordings, cross-entropy.
# All other arms on them change a few lines of it.
#   python tools/train.py configs/when_it_pays/ponds_ce.py
_base_ = [
    "../_base_/models/segformer_w8.py",
    "../_base_/datasets/ponds_views.py",
    "../_base_/schedules/adamw_scratch_300.py",
    "../_base_/default_runtime.py",
]
max_iters = 1500
warmup = 30
model = dict(decode_head=dict(loss_decode=dict(gamma=0.0)))
train_cfg = dict(val_interval=1500)
optim_wrapper = dict(optimizer=dict(lr=3e-3))
default_hooks = dict(logger=dict(interval=100), checkpoint=dict(interval=1500))
# A step on a CPU takes a fifth less.
custom_hooks = [*_base_.custom_hooks, dict(type="ChannelsLastHook")]
