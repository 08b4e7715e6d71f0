# segformer_w8_three.py with an auxiliary head on the stage before the last one.
_base_ = "./segformer_w8_three.py"
model = dict(
    auxiliary_head=dict(
        type="FCNHead",
        in_channels=16,
        in_index=1,
        channels=16,
        num_convs=1,
        concat_input=False,
        num_classes=2,
        out_channels=2,
        norm_cfg=dict(type="BN", requires_grad=True),
        align_corners=False,
        loss_decode=dict(type="SoftmaxFocalLoss", gamma=0.0, loss_weight=0.4),
    ),
)
