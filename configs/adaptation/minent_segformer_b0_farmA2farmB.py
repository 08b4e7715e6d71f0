# MinEnt: entropy minimisation on farm B, from the weights of source_segformer_b0.
#   python tools/train.py configs/adaptation/source_segformer_b0_farmA2farmB.py
#   python tools/train.py configs/adaptation/minent_segformer_b0_farmA2farmB.py \
#     --cfg-options load_from=FILE
_base_ = [
    "../_base_/models/segformer_b0.py",
    "../_base_/datasets/two_farms_pairs.py",
    "../_base_/schedules/adamw_scratch_300.py",
    "../_base_/default_runtime.py",
]
_base_.model.backbone.init_cfg = None
_base_.model.decode_head.loss_decode.gamma = 0.0
model = dict(
    _delete_=True,
    type="AdaptationSegmentor",
    student=_base_.model,
    method=dict(type="MinEntropy", weight=0.1),
)
train_cfg = dict(val_interval=300)
optim_wrapper = dict(optimizer=dict(lr=5e-4), constructor="AdaptationOptimConstructor")
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(interval=300))
