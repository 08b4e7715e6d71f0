# A drawn farm in the rain, whole frames resized to 160x96: small enough for a CPU.
#   python tools/make_demo_data.py data/farm --frames 400 --height 192 --width 320 \
#     --weather rain --seed 3
#   python tools/split_dataset.py data/farm --ratios .5 .2 .3 --embargo 10s \
#     --out data/farm/split.csv
_base_ = "./splash_1024.py"
data_root = "data/farm"
size = (160, 96)  # width, height


def resized(pipeline):
    return [
        dict(step, scale=size) if step["type"] == "Resize" else step
        for step in pipeline
    ]


frames = dict(data_root=data_root, split_table="split.csv")
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
