# Recyclable trash, 512x512, 11 classes with the background. data_root: frames.csv, and
# what its paths are relative to. Normalisation (ImageNet mean and std, which beats
# dividing by 255) stands in the model's data_preprocessor.
data_root = "{{$TRASH_DATA_ROOT:data/trash}}"
size = (512, 512)

load_image = dict(type="LoadImageFromFile")
resize = dict(type="Resize", scale=size, keep_ratio=False)
# What helped: flips, turns by 90 degrees, blur and noise, optical distortion; elastic
# distortion most (LB .6006). GridDropout with GridDistortion hurt (.5759): left out. So
# are weather, brightness and CLAHE, whose effect stayed unclear.
train_pipeline = [
    load_image,
    dict(type="LoadGrayLabels"),
    resize,
    dict(type="RandomFlip", prob=[0.25, 0.25], direction=["horizontal", "vertical"]),
    dict(
        type="Albumentations",  # what a distortion pulls in is ignored (255)
        transforms=[
            dict(type="RandomRotate90", p=0.5),
            dict(
                type="OneOf",
                p=0.5,
                transforms=[
                    dict(type="ElasticTransform", alpha=120, sigma=6),  # about 6 px
                    dict(type="OpticalDistortion"),
                ],
            ),
            dict(
                type="OneOf",
                p=0.3,
                transforms=[
                    dict(type="MotionBlur"),
                    dict(type="GaussianBlur"),
                    dict(type="GaussNoise", std_range=(0.02, 0.1)),
                ],
            ),
        ],
    ),
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
        label_coding="trash",
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
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="ViewSampler", shuffle=True),
    dataset=dict(type="ViewDataset", dataset=part("train", train_pipeline)),
)
val_dataloader = evaluation("val")
test_dataloader = evaluation("val")  # the official test frames have no labels
val_evaluator = [dict(type="DiceMetric"), dict(type="CrossEntropyMetric")]
test_evaluator = val_evaluator
