# Fast-SCNN on splash, frames and schedule of kd/segformer_b0, its own losses.
#   python tools/train.py configs/baselines/fast_scnn.py
_base_ = [
    "../_base_/models/fast_scnn.py",
    "../_base_/datasets/splash_1024.py",
    "../_base_/schedules/adamw_20k.py",
    "../_base_/default_runtime.py",
]
