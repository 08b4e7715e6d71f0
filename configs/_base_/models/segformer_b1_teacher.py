# SegFormer-B1 as the variable `teacher`, for use beside a student.
_base_ = "./segformer_b1.py"
teacher = _base_.pop("model")
