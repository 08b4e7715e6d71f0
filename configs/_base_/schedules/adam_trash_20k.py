# Adam with a constant learning rate, 20,000 iterations, best weights by validation mIoU:
# the optimiser and the seed of the notes' runs on recyclable trash.
max_iters = 20_000
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=1000)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-4, weight_decay=1e-6)
)
