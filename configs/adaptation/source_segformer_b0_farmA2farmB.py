# Source only: trained on farm A, tested on farm B. The start of the other configs.
#   python tools/train.py configs/adaptation/source_segformer_b0_farmA2farmB.py
_base_ = [
    "../_base_/models/segformer_b0.py",
    "../_base_/datasets/two_farms.py",
    "../_base_/schedules/adamw_scratch_300.py",
    "../_base_/default_runtime.py",
]
model = dict(
    backbone=dict(init_cfg=None), decode_head=dict(loss_decode=dict(gamma=0.0))
)
train_cfg = dict(val_interval=300)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(interval=300))
