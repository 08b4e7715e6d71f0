# SegFormer-B0 with a quarter of its width, its first two stages, and one block in each:
# 0.017 M parameters.
_base_ = "./segformer_b0.py"
model = dict(
    backbone=dict(
        embed_dims=8,
        num_stages=2,
        num_layers=[1, 1],
        num_heads=[1, 2],
        patch_sizes=[7, 3],
        strides=[4, 2],
        sr_ratios=[8, 4],
        out_indices=(0, 1),
        init_cfg=None,
    ),
    decode_head=dict(in_channels=[8, 16], in_index=[0, 1], channels=16),
)
