# PSPNet-R101 as the variable `teacher`, for use beside a student.
_base_ = "./pspnet_r101.py"
teacher = _base_.pop("model")
