# SegFormer-B0 with a quarter of its width, its first three stages, and one block in each:
# 0.055 M parameters.
_base_ = "./segformer_w8.py"
model = dict(
    backbone=dict(
        num_stages=3,
        num_layers=[1, 1, 1],
        num_heads=[1, 2, 5],
        patch_sizes=[7, 3, 3],
        strides=[4, 2, 2],
        sr_ratios=[8, 4, 2],
        out_indices=(0, 1, 2),
    ),
    decode_head=dict(in_channels=[8, 16, 40], in_index=[0, 1, 2], channels=32),
)
