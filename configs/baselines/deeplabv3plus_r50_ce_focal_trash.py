# 0.8 cross-entropy and 0.2 focal loss, gamma 2.
#   python tools/train.py configs/baselines/deeplabv3plus_r50_ce_focal_trash.py
_base_ = "./deeplabv3plus_r50_trash.py"


def losses(weight):
    return [
        dict(type="CrossEntropyLoss", avg_non_ignore=True, loss_weight=0.8 * weight),
        dict(type="SoftmaxFocalLoss", gamma=2.0, loss_weight=0.2 * weight),
    ]


model = dict(
    decode_head=dict(loss_decode=losses(1.0)),
    auxiliary_head=dict(loss_decode=losses(0.4)),
)
