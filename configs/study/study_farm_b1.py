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
train_cfg = dict(val_interval=200)
default_hooks = dict(logger=dict(interval=25))
