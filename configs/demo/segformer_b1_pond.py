# The demo's teacher.
#   python tools/train.py configs/demo/segformer_b1_pond.py
_base_ = ["../kd/segformer_b1.py", "./pond.py"]
locals().update(_base_.pop("pond"))
model = dict(backbone=dict(init_cfg=None))
