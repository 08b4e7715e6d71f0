# Changes that turn a config of configs/kd into one of the demo: the drawn pond at 192x128
# instead of a farm at 1024x1024, from scratch, minutes on a CPU.


def make_pond():
    load = dict(type="LoadImageFromFile")
    resize = dict(type="Resize", scale=(192, 128), keep_ratio=False)
    labels = dict(type="LoadGrayLabels")
    flip, always_flip = (dict(type="RandomFlip", prob=prob) for prob in (0.5, 1.0))
    colour = dict(type="PhotoMetricDistortion")
    pack = dict(type="PackSegInputs")
    test_pipeline = [load, resize, labels, pack]
    looks = [[resize], [dict(flip, prob=0.0), always_flip], [labels], [pack]]
    data_root = "data/demo"
    frames = dict(data_root=data_root, split_table="frames.csv", embargo="10s")
    evaluation = dict(
        num_workers=0,
        persistent_workers=False,
        dataset=dict(pipeline=test_pipeline, **frames),
    )
    iterations = 150
    return dict(
        data_root=data_root,
        train_dataloader=dict(
            num_workers=0,
            persistent_workers=False,
            dataset=dict(
                dataset=dict(
                    pipeline=[load, labels, resize, flip, colour, pack], **frames
                )
            ),
        ),
        val_dataloader=evaluation,
        test_dataloader=evaluation,
        tta_pipeline=[load, dict(type="TestTimeAug", transforms=looks)],
        train_cfg=dict(max_iters=iterations, val_interval=30),
        optim_wrapper=dict(
            optimizer=dict(lr=1e-3),
            paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=1.0))),
        ),
        param_scheduler=[
            dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=20),
            dict(type="PolyLR", by_epoch=False, begin=20, end=iterations),
        ],
        default_hooks=dict(
            logger=dict(interval=20), checkpoint=dict(interval=iterations)
        ),
    )


pond = make_pond()
