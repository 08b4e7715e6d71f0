# PVTv2-B0 (Wang et al., 2022) by timm with a semantic FPN (Kirillov et al., CVPR 2019),
# for 11 classes.
#   pip install -e '.[timm]'
_base_ = "./fcn16s_vgg16.py"
model = dict(
    backbone=dict(model_name="pvt_v2_b0"),
    neck=dict(type="FPN", in_channels=[32, 64, 160, 256], out_channels=256, num_outs=4),
    decode_head=dict(
        _delete_=True,
        type="FPNHead",
        in_channels=[256, 256, 256, 256],
        in_index=[0, 1, 2, 3],
        feature_strides=[4, 8, 16, 32],
        channels=128,
        dropout_ratio=0.1,
        num_classes=11,
        out_channels=11,
        norm_cfg=dict(type="BN", requires_grad=True),
        align_corners=False,
        loss_decode=dict(type="CrossEntropyLoss", avg_non_ignore=True),
    ),
)
