# STDC1 (Fan et al., CVPR 2021) as MMSegmentation publishes it, for background and splash.
_base_ = "./segformer_b0.py"


def head(**changes):
    return dict(
        type="FCNHead",
        num_convs=1,
        num_classes=2,
        out_channels=2,
        norm_cfg=dict(type="BN", requires_grad=True),
        concat_input=False,
        sampler=dict(type="OHEMPixelSampler", thresh=0.7, min_kept=10000),
        loss_decode=dict(type="CrossEntropyLoss", avg_non_ignore=True),
    ) | dict(changes)


def auxiliary(index):
    return head(in_channels=128, channels=64, in_index=index, align_corners=False)


def detail():
    return head(
        type="STDCHead",  # against edges that it finds in the labels
        in_channels=256,
        channels=64,
        boundary_threshold=0.1,
        in_index=0,
        sampler=None,
        align_corners=True,
        loss_decode=[
            dict(
                type="CrossEntropyLoss",
                avg_non_ignore=True,
                loss_name="loss_ce",
                use_sigmoid=True,
            ),
            dict(type="DiceLoss", loss_name="loss_dice"),
        ],
    )


model = dict(
    backbone=dict(
        _delete_=True,
        type="STDCContextPathNet",
        backbone_cfg=dict(
            type="STDCNet",
            stdc_type="STDCNet1",
            in_channels=3,
            channels=(32, 64, 256, 512, 1024),
            bottleneck_type="cat",
            num_convs=4,
            norm_cfg=dict(type="BN", requires_grad=True),
            act_cfg=dict(type="ReLU"),
            with_final_conv=False,
            init_cfg=dict(
                type="Pretrained",
                checkpoint="https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/stdc/stdc1_20220308-5368626c.pth",
            ),
        ),
        last_in_channels=(1024, 512),
        out_channels=128,
        ffm_cfg=dict(in_channels=384, out_channels=256, scale_factor=4),
    ),
    decode_head=dict(
        _delete_=True,
        **head(
            in_channels=256,
            channels=256,
            in_index=3,
            dropout_ratio=0.1,
            align_corners=True,
        ),
    ),
    auxiliary_head=[auxiliary(2), auxiliary(1), detail()],
)
