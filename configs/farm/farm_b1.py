# The teacher of the original experiments on a drawn farm: SegFormer-B1, 300 iterations.
#   python tools/train.py configs/farm/farm_b1.py --cfg-options fold=0
_base_ = "./farm_b0.py"
model = dict(
    backbone=dict(embed_dims=64), decode_head=dict(in_channels=[64, 128, 320, 512])
)
max_iters = 300
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=30),
    dict(type="PolyLR", by_epoch=False, begin=30, end=max_iters),
]
default_hooks = dict(checkpoint=dict(interval=max_iters))
