# SegFormer-B2 on splash.
#   python tools/train.py configs/kd/segformer_b2.py
_base_ = [
    "../_base_/models/segformer_b2.py",
    "../_base_/datasets/splash_1024.py",
    "../_base_/schedules/adamw_20k.py",
    "../_base_/default_runtime.py",
]
