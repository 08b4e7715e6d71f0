# PSPNet-R101 under the name `teacher`, so that it can stand beside a student.
_base_ = "./pspnet_r101.py"
teacher = _base_.pop("model")
