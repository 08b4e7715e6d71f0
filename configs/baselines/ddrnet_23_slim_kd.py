# DDRNet-23-slim from SegFormer-B4: the loss of kd/segformer_b0_kd (0616) at the main logits;
# the spatial branch keeps its own loss.
#   python tools/train.py configs/baselines/ddrnet_23_slim_kd.py
# Train the teacher first: python tools/train.py configs/kd/segformer_b4.py
_base_ = [
    "./ddrnet_23_slim.py",
    "../_base_/models/segformer_b4_teacher.py",
    "../_base_/losses/focal_modulated_kd.py",
]
# The label term is that of distill_loss.
_base_.model.decode_head.loss_decode[0] = dict(type="SoftmaxFocalLoss", gamma=2.0)
model = dict(
    _delete_=True,
    type="DistillSegmentor",
    student=_base_.model,
    teacher=_base_.pop("teacher"),
    teacher_checkpoint="work_dirs/segformer_b4_[0-9]*/weights_*_best.safetensors",
    distill_loss=_base_.pop("distill_loss"),
)
