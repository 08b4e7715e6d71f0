# CamVid in the views of camvid_views.py, where few training frames have a label; the
# others are left out.
#   python tools/convert_dataset.py camvid PATH data/camvid_frames
#   python benchmarks/hide_labels.py data/camvid_frames/frames.csv --every 4 \
#     --out data/camvid_frames/few4.csv
_base_ = "./camvid_views.py"
data_root = "{{$CAMVID_FRAMES:data/camvid_frames}}"
split_table = "few4.csv"
label_coding = "camvid"


def few(split, pipeline, **options):
    dataset = dict(
        _delete_=True,
        type="TimeSplitDataset",
        split=split,
        data_root=data_root,
        split_table=split_table,
        label_coding=label_coding,
        pipeline=pipeline,
        **options,
    )
    return dict(dataset=dict(dataset=dataset))


train_dataloader = few("train", _base_.train_pipeline, unlabelled="skip")
val_dataloader = few("val", _base_.test_pipeline)
test_dataloader = few("test", _base_.test_pipeline)
