# tiny_ce.py with 1 label in 4, which few4.csv names, for 1,600 iterations.
#   CAMVID_FRAMES=... python tools/train.py configs/when_it_pays/tiny_few_ce.py
_base_ = [
    "../_base_/models/segformer_w8_three.py",
    "../_base_/datasets/camvid_few.py",
    "../_base_/schedules/adamw_lite_400.py",
    "../_base_/default_runtime.py",
]
max_iters = 1600
model = dict(
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
    decode_head=dict(num_classes=11, out_channels=11, loss_decode=dict(gamma=0.0)),
)
train_cfg = dict(val_interval=1600)
optim_wrapper = dict(optimizer=dict(lr=1.2e-2), paramwise_cfg=dict(_delete_=True))
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(save_best="mIoU"))
custom_hooks = [*_base_.custom_hooks, dict(type="ChannelsLastHook")]
