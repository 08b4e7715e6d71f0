# Splash frames with a 3x3 median filter, also in tests: the runs before 0520.
_base_ = "splash_1024.py"

median = dict(
    type="MedianBlur", ksize=3
)  # first step after loading, at the size of the file


def filtered(pipeline):
    return [pipeline[0], median, *pipeline[1:]]


train_pipeline = filtered(_base_.train_pipeline)
test_pipeline = filtered(_base_.test_pipeline)
tta_pipeline = filtered(_base_.tta_pipeline)

train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
