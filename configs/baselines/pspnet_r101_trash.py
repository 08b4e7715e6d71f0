# PSPNet-R101 on recyclable trash.
#   python tools/train.py configs/baselines/pspnet_r101_trash.py
_base_ = "./pspnet_r50_trash.py"
model = dict(
    backbone=dict(depth=101, init_cfg=dict(checkpoint="open-mmlab://resnet101_v1c"))
)
