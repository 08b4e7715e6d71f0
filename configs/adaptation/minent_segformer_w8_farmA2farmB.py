# As minent_segformer_b0_farmA2farmB.py, with 0.055 M parameters and an
# auxiliary head, for studies on a CPU.
#   python tools/train.py configs/adaptation/minent_segformer_w8_farmA2farmB.py \
#     --cfg-options load_from=FILE  # of source_segformer_w8_farmA2farmB.py
_base_ = [
    "../_base_/models/segformer_w8_three_auxiliary.py",
    "../_base_/datasets/two_farms_pairs.py",
    "../_base_/schedules/adamw_scratch_300.py",
    "../_base_/default_runtime.py",
]
max_iters = 500
_base_.model.decode_head.loss_decode.gamma = 0.0
model = dict(
    _delete_=True,
    type="AdaptationSegmentor",
    student=_base_.model,
    method=dict(type="MinEntropy", weight=0.1),
)
train_cfg = dict(val_interval=500)
optim_wrapper = dict(optimizer=dict(lr=3e-3), constructor="AdaptationOptimConstructor")
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=500))
custom_hooks = [*_base_.custom_hooks, dict(type="ChannelsLastHook")]
