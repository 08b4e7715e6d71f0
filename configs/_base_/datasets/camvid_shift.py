# CamVid: labelled frames of a day for training and validation, dusk for the test.
#   python tools/convert_dataset.py camvid PATH data/camvid_frames
#   python benchmarks/recordings.py data/camvid_frames/frames.csv "0016E5|0006R0|Seq05VD" \
#     --out data/camvid_frames/day.csv
#   python benchmarks/recordings.py data/camvid_frames/frames.csv 0001TP \
#     --out data/camvid_frames/dusk.csv
_base_ = "./camvid_few.py"
data_root = "{{$CAMVID_FRAMES:data/camvid_frames}}"
source_root = data_root
source_table = "day.csv"
split_table = source_table
target_root = data_root
target_table = "dusk.csv"
pipeline = [
    *_base_.train_pipeline[:-1],
    dict(type="PhotoMetricDistortion"),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(
    sampler=dict(views=None, view_seed=None),
    dataset=dict(
        dataset=dict(
            data_root=source_root,
            split_table=source_table,
            pipeline=pipeline,
            unlabelled="error",
        )
    ),
)
val_dataloader = dict(
    dataset=dict(dataset=dict(data_root=source_root, split_table=source_table))
)
test_dataloader = dict(
    dataset=dict(dataset=dict(data_root=target_root, split_table=target_table))
)
