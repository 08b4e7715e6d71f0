# The plain student of the original experiments on a drawn farm: r = 0, focal loss.
#   python tools/train.py configs/farm/farm_b0.py --cfg-options fold=0
_base_ = [
    "../_base_/models/segformer_b0.py",
    "../_base_/datasets/farm_96x160.py",
    "../_base_/schedules/adamw_scratch_300.py",
    "../_base_/default_runtime.py",
]
split_table = "folds.csv"  # see README.md
model = dict(backbone=dict(init_cfg=None))
max_iters = 60
warmup = max(2, max_iters // 4)
train_cfg = dict(val_interval=60)
optim_wrapper = dict(optimizer=dict(lr=3e-3))
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(interval=60))
