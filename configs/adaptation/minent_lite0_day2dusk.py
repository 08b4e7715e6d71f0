# MinEnt on CamVid at dusk, from the weights of source_lite0_day2dusk.py.
#   CAMVID_FRAMES=... python tools/train.py configs/adaptation/minent_lite0_day2dusk.py \
#     --cfg-options load_from=FILE
_base_ = [
    "../_base_/models/fpn_lite0_auxiliary.py",
    "../_base_/datasets/camvid_shift_pairs.py",
    "../_base_/schedules/adamw_lite_400.py",
    "../_base_/default_runtime.py",
]
max_iters = 400
_base_.model.backbone.init_cfg = None  # its weights are those of load_from
_base_.model.decode_head.update(num_classes=11, out_channels=11)
_base_.model.auxiliary_head.update(num_classes=11, out_channels=11)
_base_.model.decode_head.loss_decode.gamma = 0.0
model = dict(
    _delete_=True,
    type="AdaptationSegmentor",
    student=_base_.model,
    method=dict(type="MinEntropy", weight=0.1),
)
train_cfg = dict(val_interval=400)
optim_wrapper = dict(optimizer=dict(lr=1e-3), constructor="AdaptationOptimConstructor")
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(save_best="mIoU"))
custom_hooks = [*_base_.custom_hooks, dict(type="ChannelsLastHook")]
