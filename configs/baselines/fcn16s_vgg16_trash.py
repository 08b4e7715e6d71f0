# FCN-16s VGG16 on recyclable trash.
#   python tools/train.py configs/baselines/fcn16s_vgg16_trash.py
# Needs timm: pip install -e '.[timm]'
_base_ = [
    "../_base_/models/fcn16s_vgg16.py",
    "../_base_/datasets/trash_512.py",
    "../_base_/schedules/adam_trash_20k.py",
    "../_base_/default_runtime.py",
]
randomness = dict(seed=21)
default_hooks = dict(checkpoint=dict(save_best="mIoU"))
