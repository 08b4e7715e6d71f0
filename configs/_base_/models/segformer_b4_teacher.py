# SegFormer-B4 as the variable `teacher`, for use beside a student.
_base_ = "./segformer_b4.py"
teacher = _base_.pop("model")
