# Plain student: a SegFormer of 0.055 M parameters from scratch on the few labelled frames
# of ponds_few.py, cross-entropy. The other arms change a few lines of it.
#   python tools/train.py configs/when_it_pays/ponds_few_ce.py
_base_ = [
    "../_base_/models/segformer_w8_three.py",
    "../_base_/datasets/ponds_few.py",
    "../_base_/schedules/adamw_scratch_300.py",
    "../_base_/default_runtime.py",
]
max_iters = 1500
warmup = 30
model = dict(decode_head=dict(loss_decode=dict(gamma=0.0)))
train_cfg = dict(val_interval=1500)
optim_wrapper = dict(optimizer=dict(lr=1.2e-2))
default_hooks = dict(logger=dict(interval=100), checkpoint=dict(interval=1500))
custom_hooks = [*_base_.custom_hooks, dict(type="ChannelsLastHook")]
