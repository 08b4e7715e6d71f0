# As source_segformer_b0_farmA2farmB.py, with 0.055 M parameters and an
# auxiliary head, for studies on a CPU.
#   python tools/train.py configs/adaptation/source_segformer_w8_farmA2farmB.py
_base_ = [
    "../_base_/models/segformer_w8_three_auxiliary.py",
    "../_base_/datasets/two_farms.py",
    "../_base_/schedules/adamw_scratch_300.py",
    "../_base_/default_runtime.py",
]
max_iters = 1000
warmup = 30
model = dict(decode_head=dict(loss_decode=dict(gamma=0.0)))
train_cfg = dict(val_interval=1000)
optim_wrapper = dict(optimizer=dict(lr=1.2e-2))
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=1000))
custom_hooks = [*_base_.custom_hooks, dict(type="ChannelsLastHook")]
