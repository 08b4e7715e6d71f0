# U-Net on natural scenes, from scratch: the same losses and schedule.
#   python tools/train.py configs/baselines/unet_scenes.py
_base_ = "./fcn_r50_scenes.py"
model = dict(
    backbone=dict(
        _delete_=True,
        type="UNet",
        base_channels=64,
        num_stages=5,
        norm_cfg=dict(type="BN", requires_grad=True),
    ),
    decode_head=dict(
        in_channels=64, in_index=4, channels=64, num_convs=1, concat_input=False
    ),
)
