# Splash frames through a 3x3 median filter, in tests too: the runs before 0520.
_base_ = "splash_1024.py"

median = dict(type="MedianBlur", ksize=3)  # right after loading, at the file's size


def filtered(pipeline):
    return [pipeline[0], median, *pipeline[1:]]


train_pipeline = filtered(_base_.train_pipeline)
test_pipeline = filtered(_base_.test_pipeline)
tta_pipeline = filtered(_base_.tta_pipeline)

train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
