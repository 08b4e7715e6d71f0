# Natural scenes over time (WildScenes 2D, V-01 and V-02 stacked), 15 classes. The split
# table has the 7:2:1 in time. data_root: frames.csv, and what its paths are relative to.
# Normalisation (ImageNet mean and std) stands in the model's data_preprocessor.
data_root = "{{$WILDSCENES_DATA_ROOT:data/wildscenes}}"
size = (768, 576)  # width, height: 4:3 as the 2016x1512 frames are

load_image = dict(type="LoadImageFromFile")
resize = dict(type="Resize", scale=size, keep_ratio=False)
train_pipeline = [
    load_image,
    dict(type="LoadGrayLabels"),
    resize,  # the host's own steps resize and turn labels by nearest neighbour
    dict(type="RandomFlip", prob=0.5),
    dict(type="RandomRotate", prob=0.5, degree=10),  # corners: 0, ignored (255)
    dict(type="Albumentations", transforms=[dict(type="GaussianBlur", p=0.3)]),
    dict(type="CheckShapes"),
    dict(type="PackSegInputs"),
]
test_pipeline = [
    load_image,
    resize,
    dict(type="LoadGrayLabels"),  # after resizing: scores are at the frame's own size
    dict(type="CheckShapes", labels_at="ori_shape"),
    dict(type="PackSegInputs"),
]
tta_pipeline = [
    load_image,
    dict(
        type="TestTimeAug",
        transforms=[
            [resize],
            [dict(type="RandomFlip", prob=0.0), dict(type="RandomFlip", prob=1.0)],
            [dict(type="LoadGrayLabels")],
            [dict(type="PackSegInputs")],
        ],
    ),
]


def part(split, pipeline):
    return dict(
        type="TimeSplitDataset",
        split=split,
        label_coding="wildscenes",
        data_root=data_root,
        split_table="frames.csv",
        pipeline=pipeline,
    )


def evaluation(split):
    return dict(
        batch_size=1,
        num_workers=4,
        persistent_workers=True,
        sampler=dict(type="DefaultSampler", shuffle=False),
        dataset=part(split, test_pipeline),
    )


train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="ViewSampler", shuffle=True),
    dataset=dict(type="ViewDataset", dataset=part("train", train_pipeline)),
)
val_dataloader = evaluation("val")
test_dataloader = evaluation("test")
val_evaluator = [dict(type="DiceMetric"), dict(type="CrossEntropyMetric")]
test_evaluator = val_evaluator
