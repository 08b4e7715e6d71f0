# CamVid, 11 classes, whole frames resized to 160x128: small enough for a CPU.
# data_root: output of tools/convert_dataset.py camvid, with the official parts.
_base_ = "./splash_1024.py"
data_root = "{{$CAMVID_FRAMES:data/camvid_frames}}"
size = (160, 128)  # width, height


def resized(pipeline):
    return [
        dict(step, scale=size) if step["type"] == "Resize" else step
        for step in pipeline
    ]


frames = dict(data_root=data_root, split_table="frames.csv", label_coding="camvid")
train_pipeline = resized(_base_.train_pipeline)
test_pipeline = resized(_base_.test_pipeline)
tta_pipeline = _base_.tta_pipeline
tta_pipeline[1]["transforms"][0][0].update(scale=size)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(dataset=dict(pipeline=train_pipeline, **frames)),
)
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(pipeline=test_pipeline, **frames),
)
test_dataloader = val_dataloader
