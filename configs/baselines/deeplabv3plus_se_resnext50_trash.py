# DeepLabV3+ SE-ResNeXt50-32x4d on recyclable trash.
#   python tools/train.py configs/baselines/deeplabv3plus_se_resnext50_trash.py
# Needs segmentation_models.pytorch: pip install -e '.[smp]'
_base_ = [
    "../_base_/models/smp_deeplabv3plus.py",
    "../_base_/datasets/trash_512.py",
    "../_base_/schedules/adam_trash_20k.py",
    "../_base_/default_runtime.py",
]
randomness = dict(seed=21)
default_hooks = dict(checkpoint=dict(save_best="mIoU"))
