# PIDNet-S (Xu et al., CVPR 2023) as MMSegmentation publishes it, for background and
# splash. Its boundary loss needs the transform GenerateEdge.
_base_ = "./segformer_b0.py"


def ohem():
    return dict(type="OhemCrossEntropy", thres=0.9, min_kept=131072)


model = dict(
    backbone=dict(
        _delete_=True,
        type="PIDNet",
        in_channels=3,
        channels=32,
        ppm_channels=96,
        num_stem_blocks=2,
        num_branch_blocks=3,
        align_corners=False,
        norm_cfg=dict(type="BN", requires_grad=True),
        act_cfg=dict(type="ReLU", inplace=True),
        init_cfg=dict(
            type="Pretrained",
            checkpoint="https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/pidnet/pidnet-s_imagenet1k_20230306-715e6273.pth",
        ),
    ),
    decode_head=dict(
        _delete_=True,
        type="PIDHead",
        in_channels=128,
        channels=128,
        num_classes=2,
        out_channels=2,
        norm_cfg=dict(type="BN", requires_grad=True),
        act_cfg=dict(type="ReLU", inplace=True),
        align_corners=True,
        loss_decode=[
            dict(type="CrossEntropyLoss", avg_non_ignore=True, loss_weight=0.4),
            ohem(),
            dict(type="BoundaryLoss", loss_weight=20.0),
            ohem(),
        ],
    ),
)
