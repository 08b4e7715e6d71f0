# FCN-R50 (Long et al., CVPR 2015), stride 8, with an auxiliary head, for 11 classes.
_base_ = "./pspnet_r50.py"
_base_.model.decode_head.pop("pool_scales")
model = dict(
    decode_head=dict(
        type="FCNHead",
        num_classes=11,
        out_channels=11,
        loss_decode=dict(_delete_=True, type="CrossEntropyLoss", avg_non_ignore=True),
    ),
    auxiliary_head=dict(
        num_classes=11,
        out_channels=11,
        loss_decode=dict(
            _delete_=True, type="CrossEntropyLoss", avg_non_ignore=True, loss_weight=0.4
        ),
    ),
)
