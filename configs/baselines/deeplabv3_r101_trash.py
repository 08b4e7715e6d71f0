# DeepLabV3-R101 on recyclable trash, at 256x256 with 24 frames a batch as in the notes.
#   python tools/train.py configs/baselines/deeplabv3_r101_trash.py
_base_ = "./deeplabv3_r50_trash.py"
size = (256, 256)
model = dict(
    backbone=dict(depth=101, init_cfg=dict(checkpoint="open-mmlab://resnet101_v1c"))
)
train_dataloader = dict(batch_size=24)
