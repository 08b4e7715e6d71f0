# FCN-16s on VGG16 (Long et al., CVPR 2015), backbone by timm, for 11 classes.
#   pip install -e '.[timm]'
_base_ = "./segformer_b0.py"
model = dict(
    backbone=dict(
        _delete_=True,
        type="TIMMBackbone",
        model_name="vgg16",
        features_only=True,
        pretrained=True,
    ),
    decode_head=dict(
        _delete_=True,
        type="FCN16sHead",
        in_channels=[512, 512],
        in_index=[3, 5],  # conv4_3 and pool5
        channels=4096,
        dropout_ratio=0.5,
        num_classes=11,
        out_channels=11,
        loss_decode=dict(type="CrossEntropyLoss", avg_non_ignore=True),
    ),
)
