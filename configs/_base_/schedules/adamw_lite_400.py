# AdamW for encoders with pretrained weights, 400 iterations: the encoder learns at a
# quarter of the rate.
max_iters = 400
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=200)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=8e-3, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.25))),
)
param_scheduler = [
    dict(type="PolyLR", power=0.9, by_epoch=False, begin=0, end=max_iters),
]
