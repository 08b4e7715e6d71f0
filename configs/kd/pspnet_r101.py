# PSPNet-R101 on splash, the teacher of PSPNet-R50.
#   python tools/train.py configs/kd/pspnet_r101.py
_base_ = [
    "../_base_/models/pspnet_r101.py",
    "../_base_/datasets/splash_1024.py",
    "../_base_/schedules/adamw_20k.py",
    "../_base_/default_runtime.py",
]
