# The demo's teacher.
#   python tools/train.py configs/demo/segformer_b1_pond.py
_base_ = "./segformer_b0_pond.py"
model = dict(
    backbone=dict(embed_dims=64), decode_head=dict(in_channels=[64, 128, 320, 512])
)
