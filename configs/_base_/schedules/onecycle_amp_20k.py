# One cycle of the learning rate in mixed precision, 20,000 iterations: 30 % up to 0.01,
# then along a cosine down to 1e-5. Needs a GPU (AMP).
max_iters = 20_000
max_lr = 0.01
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=1000)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
optim_wrapper = dict(
    type="AmpOptimWrapper",
    optimizer=dict(type="SGD", lr=max_lr, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = dict(
    type="OneCycleLR",
    eta_max=max_lr,
    total_steps=max_iters,
    pct_start=0.3,
    div_factor=25.0,  # begins at max_lr / 25
    final_div_factor=40.0,  # ends at max_lr / 25 / 40 = 1e-5
    by_epoch=False,
)
