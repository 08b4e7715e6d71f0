# As minent_segformer_b0_farmA2farmB.py, with EfficientNet-Lite2.
#   python tools/train.py configs/adaptation/minent_lite2_farmA2farmB.py \
#     --cfg-options load_from=FILE  # of source_lite2_farmA2farmB.py
_base_ = [
    "../_base_/models/fpn_lite2.py",
    "../_base_/datasets/two_farms_pairs.py",
    "../_base_/schedules/adamw_lite_400.py",
    "../_base_/default_runtime.py",
]
max_iters = 300
_base_.model.backbone.init_cfg = None  # its weights are those of load_from
_base_.model.decode_head.loss_decode.gamma = 0.0
model = dict(
    _delete_=True,
    type="AdaptationSegmentor",
    student=_base_.model,
    method=dict(type="MinEntropy", weight=0.1),
)
train_cfg = dict(val_interval=300)
optim_wrapper = dict(optimizer=dict(lr=2e-3), constructor="AdaptationOptimConstructor")
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=300))
custom_hooks = [*_base_.custom_hooks, dict(type="ChannelsLastHook")]
