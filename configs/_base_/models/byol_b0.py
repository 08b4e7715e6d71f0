# BYOL (Grill et al., NeurIPS 2020) by mmpretrain, for the encoder of SegFormer-B0.
_base_ = "./segformer_b0.py"
backbone = dict(_base_.model["backbone"], out_indices=(3,), init_cfg=None)
projector = dict(  # 256 channels have the last stage, the projection and the prediction
    type="mmpretrain.NonLinearNeck",
    in_channels=256,
    hid_channels=512,
    out_channels=256,
    with_bias=True,
    with_last_bn=False,
    norm_cfg=dict(type="BN1d"),  # several processes synchronise it: sync_bn
)
model = dict(
    _delete_=True,
    type="mmpretrain.BYOL",
    base_momentum=0.01,
    data_preprocessor=dict(
        type="mmpretrain.SelfSupDataPreprocessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=backbone,
    neck=projector,
    head=dict(
        type="mmpretrain.LatentPredictHead",
        predictor=dict(projector, with_avg_pool=False),
        loss=dict(type="mmpretrain.CosineSimilarityLoss"),
    ),
)
