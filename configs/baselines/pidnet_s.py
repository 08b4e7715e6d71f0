# PIDNet-S on splash, frames and schedule of kd/segformer_b0, its own losses.
#   python tools/train.py configs/baselines/pidnet_s.py
_base_ = [
    "../_base_/models/pidnet_s.py",
    "../_base_/datasets/splash_1024.py",
    "../_base_/schedules/adamw_20k.py",
    "../_base_/default_runtime.py",
]
train_pipeline = [
    *_base_.train_pipeline[:-1],
    dict(type="GenerateEdge", edge_width=4),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
