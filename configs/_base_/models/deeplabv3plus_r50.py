# DeepLabV3+ R50 (Chen et al., ECCV 2018), stride 16, with an auxiliary head, 11 classes.
_base_ = "./deeplabv3_r50.py"
model = dict(
    backbone=dict(strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2)),
    decode_head=dict(
        type="DepthwiseSeparableASPPHead",
        dilations=(1, 6, 12, 18),
        channels=256,
        c1_in_channels=256,
        c1_channels=48,
    ),
)
