# PSPNet-R101 on the colours of drawn grasps, the teacher of pspnet_r50_grasp_kd.py.
#   python tools/train.py configs/grasp/pspnet_r101_grasp.py
_base_ = [
    "../_base_/models/pspnet_r101_grasp.py",
    "../_base_/datasets/grasp_300.py",
    "../_base_/schedules/adamw_20k.py",
    "../_base_/grasp_runtime.py",
]
