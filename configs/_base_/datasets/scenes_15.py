# Natural scenes over time (WildScenes 2D, V-01 and V-02 stacked), 15 classes. The split
# table has the 7:2:1 split in time. data_root: folder of frames.csv and of its paths.
# Normalisation (ImageNet mean and std) is in the model's data_preprocessor.
_base_ = "../loaders/time_split.py"
data_root = "{{$WILDSCENES_DATA_ROOT:data/wildscenes}}"
size = (768, 576)  # width, height: 4:3 as the 2016x1512 frames are

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadGrayLabels"),
    dict(_base_.resize, scale=size),  # labels are resized by nearest neighbour
    dict(type="RandomFlip", prob=0.5),
    dict(type="RandomRotate", prob=0.5, degree=10),  # corners: 0, ignored (255)
    dict(type="Albumentations", transforms=[dict(type="GaussianBlur", p=0.3)]),
    dict(type="CheckShapes"),
    dict(type="PackSegInputs"),
]
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=size)
test_pipeline.insert(3, dict(type="CheckShapes", labels_at="ori_shape"))
tta_pipeline = _base_.tta_pipeline
tta_pipeline[1]["transforms"][0][0].update(scale=size)

common = dict(data_root=data_root, split_table="frames.csv", label_coding="wildscenes")
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline, **common)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, **common))
test_dataloader = val_dataloader
