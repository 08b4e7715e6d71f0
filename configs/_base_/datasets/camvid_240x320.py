# CamVid, 11 classes, official folders, halved to 320x240, crops of 192x256 (H x W).
# data_root: images/{train,val,test}/*.jpg and labels/{train,val,test}/*.png; the value
# 11 is void. Set it here or by the environment variable CAMVID_ROOT.
data_root = "{{$CAMVID_ROOT:data/camvid}}"
crop_size = (192, 256)

metainfo = dict(
    classes=(
        "sky",
        "building",
        "pole",
        "road",
        "pavement",
        "tree",
        "sign",
        "fence",
        "car",
        "pedestrian",
        "bicyclist",
    ),
    palette=[
        [128, 128, 128],
        [128, 0, 0],
        [192, 192, 128],
        [128, 64, 128],
        [60, 40, 222],
        [128, 128, 0],
        [192, 128, 128],
        [64, 64, 128],
        [64, 0, 128],
        [64, 64, 0],
        [0, 128, 192],
    ],
)
load_labels = dict(
    type="LoadGrayLabels",
    gray_to_train_id={**{gray: gray for gray in range(11)}, 11: 255},
)
resize = dict(type="Resize", scale=(320, 240), keep_ratio=False)
train_pipeline = [
    dict(type="LoadImageFromFile", imdecode_backend="pillow"),
    load_labels,
    resize,
    dict(type="RandomCrop", crop_size=crop_size, cat_max_ratio=0.75),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PhotoMetricDistortion"),
    dict(type="PackSegInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile", imdecode_backend="pillow"),
    resize,
    load_labels,
    dict(type="PackSegInputs"),
]
tta_pipeline = [
    dict(type="LoadImageFromFile", imdecode_backend="pillow"),
    dict(
        type="TestTimeAug",
        transforms=[
            [resize],
            [dict(type="RandomFlip", prob=0.0), dict(type="RandomFlip", prob=1.0)],
            [load_labels],
            [dict(type="PackSegInputs")],
        ],
    ),
]


def part(split, pipeline):
    dataset = dict(
        type="BaseSegDataset",
        data_root=data_root,
        data_prefix=dict(img_path=f"images/{split}", seg_map_path=f"labels/{split}"),
        metainfo=metainfo,
        pipeline=pipeline,
    )
    return dict(type="ViewDataset", dataset=dataset)


def evaluation(split):
    return dict(
        batch_size=1,
        num_workers=2,
        persistent_workers=True,
        sampler=dict(type="DefaultSampler", shuffle=False),
        dataset=part(split, test_pipeline),
    )


train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="ViewSampler", shuffle=True),
    dataset=part("train", train_pipeline),
)
val_dataloader = evaluation("val")
test_dataloader = evaluation("test")
val_evaluator = [dict(type="DiceMetric"), dict(type="CrossEntropyMetric")]
test_evaluator = val_evaluator
