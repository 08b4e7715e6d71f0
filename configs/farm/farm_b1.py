# The teacher of the original experiments on a drawn farm: SegFormer-B1, 300 iterations.
#   python tools/train.py configs/farm/farm_b1.py --cfg-options fold=0
_base_ = "./farm_b0.py"
model = dict(
    backbone=dict(embed_dims=64), decode_head=dict(in_channels=[64, 128, 320, 512])
)
max_iters = 300
warmup = max(2, min(30, max_iters // 10))
train_cfg = dict(val_interval=300)
default_hooks = dict(checkpoint=dict(interval=300))
