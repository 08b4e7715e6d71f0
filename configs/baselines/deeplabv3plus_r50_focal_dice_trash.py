# 0.75 focal loss, gamma 2, and 0.25 Dice loss.
#   python tools/train.py configs/baselines/deeplabv3plus_r50_focal_dice_trash.py
_base_ = "./deeplabv3plus_r50_trash.py"


def losses(weight):
    return [
        dict(type="SoftmaxFocalLoss", gamma=2.0, loss_weight=0.75 * weight),
        dict(type="DiceLoss", use_sigmoid=False, loss_weight=0.25 * weight),
    ]


model = dict(
    decode_head=dict(loss_decode=losses(1.0)),
    auxiliary_head=dict(loss_decode=losses(0.4)),
)
