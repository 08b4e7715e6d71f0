# DeepLabV3-R101 on natural scenes: ASPP, then 3x3 convolution - BN - ReLU - Dropout 0.5 -
# 1x1 convolution; 1.0 focal and 0.5 Dice loss, one cycle of the learning rate, AMP (a GPU).
#   python tools/train.py configs/baselines/deeplabv3_r101.py
_base_ = [
    "../_base_/models/deeplabv3_r50.py",
    "../_base_/datasets/scenes_15.py",
    "../_base_/schedules/onecycle_amp_20k.py",
    "../_base_/default_runtime.py",
]
_base_.model.pop("auxiliary_head")
model = dict(
    backbone=dict(depth=101, init_cfg=dict(checkpoint="open-mmlab://resnet101_v1c")),
    decode_head=dict(
        num_classes=15,
        out_channels=15,
        dropout_ratio=0.5,
        loss_decode=[
            dict(type="SoftmaxFocalLoss", gamma=2.0),
            dict(type="DiceLoss", use_sigmoid=False, loss_weight=0.5),
        ],
    ),
)
default_hooks = dict(checkpoint=dict(save_best="mIoU"))
