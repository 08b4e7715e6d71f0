# PSPNet-R50 on the gray value alone from PSPNet-R101 on colours: one-channel input.
#   python tools/train.py configs/kd/pspnet_r50_gray_kd.py
# Depth instead of gray: dict(type="AppendImage") after LoadImageFromFile, without
# PhotoMetricDistortion, and mean and std of the depth. See docs/own_config.md.
_base_ = "./pspnet_r50_kd.py"
model = dict(
    student=dict(
        data_preprocessor=dict(
            type="MultiChannelPreProcessor",
            mean=[123.675, 116.28, 103.53, 117.0],
            std=[58.395, 57.12, 57.375, 57.3],
            append_gray=True,
        ),
        backbone=dict(
            _delete_=True,
            type="ChannelAdapter",
            in_channels=1,
            take=[3],
            backbone=_base_.model.student.backbone,
        ),
    )
)
