# Fast-SCNN (Poudel et al., BMVC 2019) as MMSegmentation publishes it, for background and
# splash, from scratch.
_base_ = "./segformer_b0.py"


def head(weight, **changes):
    return dict(
        num_classes=2,
        out_channels=2,
        norm_cfg=dict(type="BN", requires_grad=True, momentum=0.01),
        concat_input=False,
        align_corners=False,
        loss_decode=dict(
            type="CrossEntropyLoss",
            avg_non_ignore=True,
            use_sigmoid=True,
            loss_weight=weight,
        ),
    ) | dict(changes)


def auxiliary(**changes):
    return head(0.4, type="FCNHead", channels=32, num_convs=1, **changes)


model = dict(
    backbone=dict(
        _delete_=True,
        type="FastSCNN",
        downsample_dw_channels=(32, 48),
        global_in_channels=64,
        global_block_channels=(64, 96, 128),
        global_block_strides=(2, 2, 1),
        global_out_channels=128,
        higher_in_channels=64,
        lower_in_channels=128,
        fusion_out_channels=128,
        out_indices=(0, 1, 2),
        norm_cfg=dict(type="BN", requires_grad=True, momentum=0.01),
        align_corners=False,
    ),
    decode_head=dict(
        _delete_=True,
        **head(
            1.0,
            type="DepthwiseSeparableFCNHead",
            in_channels=128,
            channels=128,
            in_index=-1,
        ),
    ),
    auxiliary_head=[
        auxiliary(in_channels=128, in_index=-2),
        auxiliary(in_channels=64, in_index=-3),
    ],
)
