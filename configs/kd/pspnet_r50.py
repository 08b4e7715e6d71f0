# PSPNet-R50 on splash, with an auxiliary head on stage 3.
#   python tools/train.py configs/kd/pspnet_r50.py
_base_ = [
    "../_base_/models/pspnet_r50.py",
    "../_base_/datasets/splash_1024.py",
    "../_base_/schedules/adamw_20k.py",
    "../_base_/default_runtime.py",
]
