# ProDA, stage 2: a new network learns sure labels and probabilities of that of stage 1.
#   python tools/train.py configs/adaptation/proda2_segformer_b0_farmA2farmB.py
# Stage 3: --cfg-options model.teacher_checkpoint=FILE  # of stage 2
_base_ = [
    "../_base_/models/segformer_b0.py",
    "../_base_/datasets/two_farms_taught.py",
    "../_base_/losses/sure_labels_kl.py",
    "../_base_/schedules/adamw_scratch_300.py",
    "../_base_/default_runtime.py",
]
_base_.model.backbone.init_cfg = None
_base_.model.decode_head.loss_decode.gamma = 0.0
model = dict(
    _delete_=True,
    type="DistillSegmentor",
    student=_base_.model,
    teacher=_base_.model,
    teacher_checkpoint="work_dirs/proda_segformer_b0_farmA2farmB_[0-9]*/"
    "weights_*_last.safetensors",
    distill_loss=_base_.pop("distill_loss"),
)
train_cfg = dict(val_interval=300)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(interval=300))
