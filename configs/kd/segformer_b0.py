# The plain student: the same label loss, schedule and frames, no teacher.
#   python tools/train.py configs/kd/segformer_b0.py
_base_ = [
    "../_base_/models/segformer_b0.py",
    "../_base_/datasets/splash_1024.py",
    "../_base_/schedules/adamw_20k.py",
    "../_base_/default_runtime.py",
]
