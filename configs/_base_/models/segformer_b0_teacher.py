# SegFormer-B0 as the variable `teacher`, for use beside a smaller student.
_base_ = "./segformer_b0.py"
teacher = _base_.pop("model")
