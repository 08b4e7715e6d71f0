# The plain student of the study on farm: SegFormer-B0, focal loss, from scratch.
#   python tools/train.py configs/study/study_farm_b0.py
_base_ = [
    "../_base_/models/segformer_b0.py",
    "../_base_/datasets/farm_96x160.py",
    "../_base_/schedules/adamw_scratch_300.py",
    "../_base_/default_runtime.py",
]
model = dict(backbone=dict(init_cfg=None))
train_cfg = dict(val_interval=300)
default_hooks = dict(logger=dict(interval=25))
