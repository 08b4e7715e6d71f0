# FCN-R50 on recyclable trash.
#   python tools/train.py configs/baselines/fcn_r50_trash.py
_base_ = [
    "../_base_/models/fcn_r50.py",
    "../_base_/datasets/trash_512.py",
    "../_base_/schedules/adam_trash_20k.py",
    "../_base_/default_runtime.py",
]
randomness = dict(seed=21)
default_hooks = dict(checkpoint=dict(save_best="mIoU"))
