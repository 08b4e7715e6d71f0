# DeepLabV3+ R101 on recyclable trash.
#   python tools/train.py configs/baselines/deeplabv3plus_r101_trash.py
_base_ = "./deeplabv3plus_r50_trash.py"
model = dict(
    backbone=dict(depth=101, init_cfg=dict(checkpoint="open-mmlab://resnet101_v1c"))
)
