# Splash frames, 1024x1024, split 7:2:1 by time. Whole frames, no crops, because the
# position embedding encodes the position in the frame. data_root: see docs/data.md.
_base_ = "../loaders/time_split.py"
data_root = "{{$SPLASHKD_DATA_ROOT:data/splash}}"
split_table = ""  # written by tools/split_dataset.py; empty: the folder split by ratios
fold = None  # fold of the split table to validate on
ratios = (0.7, 0.2, 0.1)  # train, val, test
label_coding = "splash"  # gray values -> classes; a name or the path of a YAML file
embargo = 0  # frames, or "30s", left out between the parts
size = (1024, 1024)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadGrayLabels"),
    dict(_base_.resize, scale=size),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PhotoMetricDistortion"),
    dict(type="PackSegInputs"),
]
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=size)
tta_pipeline = _base_.tta_pipeline
tta_pipeline[1]["transforms"][0][0].update(scale=size)

common = dict(
    data_root=data_root,
    data_prefix=dict(img_path="images", seg_map_path="labels"),
    split_table=split_table,
    fold=fold,
    ratios=ratios,
    embargo=embargo,
    label_coding=label_coding,
)
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline, **common)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, **common))
test_dataloader = val_dataloader
