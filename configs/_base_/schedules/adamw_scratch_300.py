# AdamW from scratch, 300 iterations: minutes on a CPU.
max_iters = 300
warmup = max(2, min(30, max_iters // 10))
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=100)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-3, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(norm=dict(decay_mult=0.0))),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=warmup),
    dict(type="PolyLR", by_epoch=False, begin=warmup, end=max(max_iters, warmup + 1)),
]
