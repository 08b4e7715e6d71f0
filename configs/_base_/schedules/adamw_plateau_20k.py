# AdamW, 20,000 iterations: a tenth of the learning rate whenever the cross-entropy of the
# validation part has not fallen for five validations.
max_iters = 20_000
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=500)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=5e-5, weight_decay=0.01),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = dict(
    type="ReduceOnPlateauLR", monitor="cross_entropy", factor=0.1, patience=5
)
