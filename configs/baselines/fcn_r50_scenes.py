# FCN-R50 on natural scenes, beside deeplabv3_r101: the same losses and schedule.
#   python tools/train.py configs/baselines/fcn_r50_scenes.py
_base_ = "./deeplabv3_r101.py"
_base_.model.decode_head.pop("dilations")
model = dict(
    backbone=dict(depth=50, init_cfg=dict(checkpoint="open-mmlab://resnet50_v1c")),
    decode_head=dict(type="FCNHead", dropout_ratio=0.1),
)
