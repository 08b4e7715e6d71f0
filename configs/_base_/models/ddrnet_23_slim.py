# DDRNet-23-slim (Pan et al., 2022) as MMSegmentation publishes it, for background and
# splash.
_base_ = "./segformer_b0.py"


def ohem(weight):
    return dict(type="OhemCrossEntropy", thres=0.9, min_kept=131072, loss_weight=weight)


model = dict(
    backbone=dict(
        _delete_=True,
        type="DDRNet",
        in_channels=3,
        channels=32,
        ppm_channels=128,
        norm_cfg=dict(type="BN", requires_grad=True),
        align_corners=False,
        init_cfg=dict(
            type="Pretrained",
            checkpoint="https://download.openmmlab.com/mmsegmentation/v0.5/ddrnet/pretrain/ddrnet23s-in1kpre_3rdparty-1ccac5b1.pth",
        ),
    ),
    decode_head=dict(
        _delete_=True,
        type="DDRHead",
        in_channels=128,
        channels=64,
        dropout_ratio=0.0,
        num_classes=2,
        out_channels=2,
        align_corners=False,
        norm_cfg=dict(type="BN", requires_grad=True),
        loss_decode=[ohem(1.0), ohem(0.4)],
    ),
)
