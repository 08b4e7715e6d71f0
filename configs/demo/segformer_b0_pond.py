# The demo's plain student.
#   python tools/train.py configs/demo/segformer_b0_pond.py
_base_ = [
    "../_base_/models/segformer_b0.py",
    "../_base_/datasets/pond_128x192.py",
    "../_base_/schedules/adamw_pond_150.py",
    "../_base_/default_runtime.py",
]
model = dict(backbone=dict(init_cfg=None))
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=150))
