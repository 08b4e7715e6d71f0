# As ponds_few_cwd.py, with a student of 0.017 M parameters.
#   python tools/train.py configs/when_it_pays/ponds_few_lite2.py
#   python tools/cache_teacher.py configs/when_it_pays/ponds_few_small_cwd.py
#   python tools/train.py configs/when_it_pays/ponds_few_small_cwd.py
_base_ = "./ponds_few_cwd.py"
model = dict(
    student=dict(
        backbone=dict(
            num_stages=2,
            num_layers=[1, 1],
            num_heads=[1, 2],
            patch_sizes=[7, 3],
            strides=[4, 2],
            sr_ratios=[8, 4],
            out_indices=(0, 1),
        ),
        decode_head=dict(in_channels=[8, 16], in_index=[0, 1], channels=16),
    )
)
