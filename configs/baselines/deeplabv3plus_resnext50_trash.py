# DeepLabV3+ ResNeXt50-32x4d on recyclable trash, the best of the notes.
#   python tools/train.py configs/baselines/deeplabv3plus_resnext50_trash.py
_base_ = "./deeplabv3plus_r50_trash.py"
model = dict(
    backbone=dict(
        type="ResNeXt",
        groups=32,
        base_width=4,
        init_cfg=dict(checkpoint="open-mmlab://resnext50_32x4d"),
    )
)
