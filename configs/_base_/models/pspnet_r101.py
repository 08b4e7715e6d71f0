# PSPNet-R101: R50, deeper.
_base_ = "./pspnet_r50.py"
model = dict(
    backbone=dict(depth=101, init_cfg=dict(checkpoint="open-mmlab://resnet101_v1c"))
)
