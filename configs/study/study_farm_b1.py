# The teacher of the study on farm: SegFormer-B1, focal loss, from scratch.
#   python tools/train.py configs/study/study_farm_b1.py
_base_ = [
    "../_base_/models/segformer_b1.py",
    "../_base_/datasets/farm_96x160.py",
    "../_base_/schedules/adamw_scratch_300.py",
    "../_base_/default_runtime.py",
]
model = dict(backbone=dict(init_cfg=None))
max_iters = 800  # more than the student, so that the teacher is better
train_cfg = dict(max_iters=max_iters, val_interval=200)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=30),
    dict(type="PolyLR", by_epoch=False, begin=30, end=max_iters),
]
default_hooks = dict(logger=dict(interval=25))
