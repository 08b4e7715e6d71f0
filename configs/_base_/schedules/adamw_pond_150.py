# AdamW from scratch on the demo's pond, 150 iterations.
_base_ = "./adamw_20k.py"
max_iters = 150
warmup = max(2, min(20, max_iters // 7))
train_cfg = dict(max_iters=max_iters, val_interval=30)
optim_wrapper = dict(
    optimizer=dict(lr=1e-3),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=1.0))),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=warmup),
    dict(type="PolyLR", by_epoch=False, begin=warmup, end=max(max_iters, warmup + 1)),
]
