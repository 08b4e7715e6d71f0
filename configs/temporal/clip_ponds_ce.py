# The plain student of temporal_ponds_ce.py without its loss, which sees the frames before
# and after each frame, too: nine channels. Their colours are distorted alike.
#   python tools/train.py configs/temporal/clip_ponds_ce.py
_base_ = "../when_it_pays/ponds_few_ce.py"
data_root = "data/ponds_1s"
clip = "2s"
train_pipeline = _base_.train_pipeline
train_pipeline[0] = dict(type="LoadClip")
train_pipeline[4] = dict(type="EachFrame", transforms=[train_pipeline[4]])
test_pipeline = _base_.test_pipeline
test_pipeline[0] = dict(type="LoadClip")
tta_pipeline = _base_.tta_pipeline
tta_pipeline[0] = dict(type="LoadClip")
train_dataloader = dict(dataset=dict(dataset=dict(clip=clip, pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(clip=clip, pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(
    data_preprocessor=dict(
        type="MultiChannelPreProcessor",
        # The frames before and after are blue first: only the first three are swapped.
        mean=[123.675, 116.28, 103.53, *[103.53, 116.28, 123.675] * 2],
        std=[58.395, 57.12, 57.375, *[57.375, 57.12, 58.395] * 2],
    ),
    backbone=dict(in_channels=9),
)
custom_hooks = [*_base_.custom_hooks, dict(type="FlickerHook")]
