# The teacher of segformer_b0_splash.py: SegFormer-B4, cross-entropy, frames with a label.
#   python tools/train.py configs/kd/segformer_b4_splash.py
_base_ = [
    "../_base_/models/segformer_b4.py",
    "../_base_/datasets/splash_few_labels.py",
    "../_base_/schedules/adamw_20k.py",
    "../_base_/default_runtime.py",
]
model = dict(decode_head=dict(loss_decode=dict(gamma=0.0)))
