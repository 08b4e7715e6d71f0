# EfficientNet-Lite2 with a semantic FPN as the variable `teacher`, beside a student.
_base_ = "./fpn_lite2.py"
teacher = _base_.pop("model")
