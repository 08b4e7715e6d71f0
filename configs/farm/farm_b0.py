# The plain student of the original experiments on a drawn farm: r = 0, focal loss.
#   python tools/train.py configs/farm/farm_b0.py --cfg-options fold=0
_base_ = [
    "../_base_/models/segformer_b0.py",
    "../_base_/datasets/farm_96x160.py",
    "../_base_/schedules/adamw_scratch_300.py",
    "../_base_/default_runtime.py",
]
split_table = "folds.csv"  # see README.md
train_dataloader = dict(dataset=dict(dataset=dict(split_table=split_table)))
val_dataloader = dict(dataset=dict(split_table=split_table))
test_dataloader = val_dataloader
model = dict(backbone=dict(init_cfg=None))
max_iters = 60
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=3e-3))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=15),
    dict(type="PolyLR", by_epoch=False, begin=15, end=max_iters),
]
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(interval=max_iters))
