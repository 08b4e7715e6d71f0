# Loaders, test pipelines and metrics of the data sets that are split by time. A data set
# inherits them and sets the frames and pipelines of the three parts, and the scale of
# each Resize.
resize = dict(type="Resize", scale=None, keep_ratio=False)
test_pipeline = [
    dict(type="LoadImageFromFile"),
    resize,
    dict(type="LoadGrayLabels"),  # after Resize: scores are at the frame's own size
    dict(type="PackSegInputs"),
]
tta_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(
        type="TestTimeAug",
        transforms=[
            [resize],  # one scale: the position embedding is trained at one scale
            [dict(type="RandomFlip", prob=0.0), dict(type="RandomFlip", prob=1.0)],
            [dict(type="LoadGrayLabels")],
            [dict(type="PackSegInputs")],
        ],
    ),
]


def evaluation(split):
    return dict(
        batch_size=1,
        num_workers=4,
        persistent_workers=True,
        sampler=dict(type="DefaultSampler", shuffle=False),
        dataset=dict(type="TimeSplitDataset", split=split),
    )


train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="ViewSampler", shuffle=True),
    dataset=dict(
        type="ViewDataset", dataset=dict(type="TimeSplitDataset", split="train")
    ),
)
val_dataloader = evaluation("val")
test_dataloader = evaluation("test")
val_evaluator = [dict(type="DiceMetric"), dict(type="CrossEntropyMetric")]
test_evaluator = val_evaluator
