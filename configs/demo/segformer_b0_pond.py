# The demo's plain student.
#   python tools/train.py configs/demo/segformer_b0_pond.py
_base_ = ["../kd/segformer_b0.py", "./pond.py"]
locals().update(_base_.pop("pond"))
model = dict(backbone=dict(init_cfg=None))
