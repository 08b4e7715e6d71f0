# SegNet on recyclable trash.
#   python tools/train.py configs/baselines/segnet_trash.py
# Needs timm: pip install -e '.[timm]'
_base_ = [
    "../_base_/models/segnet.py",
    "../_base_/datasets/trash_512.py",
    "../_base_/schedules/adam_trash_20k.py",
    "../_base_/default_runtime.py",
]
randomness = dict(seed=21)
default_hooks = dict(checkpoint=dict(save_best="mIoU"))
