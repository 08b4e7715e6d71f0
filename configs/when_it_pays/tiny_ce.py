# Plain student: a SegFormer of 0.055 M parameters from scratch, on the views of CamVid of
# pays_ce.py, cross-entropy. All other arms of this student change a few lines of it.
#   CAMVID_ROOT=... python tools/train.py configs/when_it_pays/tiny_ce.py
_base_ = [
    "../_base_/models/segformer_w8_three.py",
    "../_base_/datasets/camvid_views.py",
    "../_base_/schedules/adamw_lite_400.py",
    "../_base_/default_runtime.py",
]
max_iters = 2400
model = dict(
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
    decode_head=dict(num_classes=11, out_channels=11, loss_decode=dict(gamma=0.0)),
)
train_cfg = dict(val_interval=2400)
optim_wrapper = dict(optimizer=dict(lr=1.2e-2), paramwise_cfg=dict(_delete_=True))
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(save_best="mIoU"))
custom_hooks = [*_base_.custom_hooks, dict(type="ChannelsLastHook")]
