# Splash frames, 1024x1024, cut 7:2:1 in time. Whole frames, because the position
# embedding knows the place on the frame. data_root: see README, "Your own data".
data_root = "{{$SPLASHKD_DATA_ROOT:data/splash}}"
split_table = ""  # written by tools/split_dataset.py; empty: ratios cut the folder
fold = None  # of a table with folds
ratios = (0.7, 0.2, 0.1)  # train, val, test
label_coding = "splash"  # gray values -> classes; a YAML file of your own will do
embargo = 0  # frames, or "30s", left out between them
size = (1024, 1024)

load_image = dict(type="LoadImageFromFile")
resize = dict(type="Resize", scale=size, keep_ratio=False)
train_pipeline = [
    load_image,
    dict(type="LoadGrayLabels"),
    resize,
    dict(type="RandomFlip", prob=0.5),
    dict(type="PhotoMetricDistortion"),
    dict(type="PackSegInputs"),
]
test_pipeline = [
    load_image,
    resize,
    dict(type="LoadGrayLabels"),  # after resizing: scores are at the frame's own size
    dict(type="PackSegInputs"),
]
tta_pipeline = [
    load_image,
    dict(
        type="TestTimeAug",
        transforms=[
            [resize],  # one scale: the position embedding was trained at one
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
        fold=fold,
        ratios=ratios,
        embargo=embargo,
        label_coding=label_coding,
        data_root=data_root,
        split_table=split_table,
        data_prefix=dict(img_path="images", seg_map_path="labels"),
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
