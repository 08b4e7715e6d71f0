# SegNet (Badrinarayanan et al., PAMI 2017), encoder by timm, for 11 classes.
#   pip install -e '.[timm]'
_base_ = "./fcn16s_vgg16.py"
model = dict(
    backbone=dict(model_name="vgg16_bn"),
    decode_head=dict(
        _delete_=True,
        type="SegNetHead",
        in_channels=[64, 128, 256, 512, 512],
        in_index=[0, 1, 2, 3, 4],
        dropout_ratio=0.0,
        num_classes=11,
        out_channels=11,
        norm_cfg=dict(type="BN", requires_grad=True),
        loss_decode=dict(type="CrossEntropyLoss", avg_non_ignore=True),
    ),
)
