# SegFormer-B1 under the name `teacher`, so that it can stand beside a student.
_base_ = "./segformer_b1.py"
teacher = _base_.pop("model")
