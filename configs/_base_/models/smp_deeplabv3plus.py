# DeepLabV3+ of segmentation_models.pytorch, for 11 classes; for its other networks, set
# network.arch and network.encoder_name.
#   pip install -e '.[smp]'
model = dict(
    type="SMPSegmentor",
    data_preprocessor=dict(
        type="SegDataPreProcessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size_divisor=1,
        pad_val=0,
        seg_pad_val=255,
    ),
    network=dict(
        arch="deeplabv3plus",
        encoder_name="se_resnext50_32x4d",
        encoder_weights="imagenet",
    ),
    decode_head=dict(
        type="SMPHead",
        num_classes=11,
        out_channels=11,
        loss_decode=dict(type="CrossEntropyLoss", avg_non_ignore=True),
    ),
    test_cfg=dict(mode="whole"),
)
