# SegFormer-B2: B1, deeper.
_base_ = "./segformer_b1.py"
model = dict(
    backbone=dict(
        num_layers=[3, 4, 6, 3],
        init_cfg=dict(
            checkpoint="https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/mit_b2_20220624-66e8bf70.pth"
        ),
    ),
)
