# The demo's distilled student: experiment 0627 with a B1 teacher.
#   python tools/train.py configs/demo/segformer_b0_kd_pe001_pond.py
_base_ = ["../kd/segformer_b0_kd_pe001.py", "./pond.py"]
locals().update(_base_.pop("pond"))
model = dict(
    student=dict(backbone=dict(init_cfg=None)),
    teacher=dict(backbone=dict(num_layers=[2, 2, 2, 2], init_cfg=None)),
    teacher_checkpoint="work_dirs/segformer_b1_pond_[0-9]*/weights_*_best.safetensors",
)
