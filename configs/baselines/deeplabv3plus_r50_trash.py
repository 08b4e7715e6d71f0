# DeepLabV3+ R50 on recyclable trash, the model of the notes' comparison of losses.
#   python tools/train.py configs/baselines/deeplabv3plus_r50_trash.py
_base_ = [
    "../_base_/models/deeplabv3plus_r50.py",
    "../_base_/datasets/trash_512.py",
    "../_base_/schedules/adam_trash_20k.py",
    "../_base_/default_runtime.py",
]
randomness = dict(seed=21)
default_hooks = dict(checkpoint=dict(save_best="mIoU"))
