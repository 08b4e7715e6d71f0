# CamVid as in camvid_240x320.py, in five fixed views of each training frame: scaled by
# 0.67 to 1.5, cropped to 160x208 (H x W), mirrored or not. Tested on whole images.
_base_ = "./camvid_240x320.py"
load_image = dict(type="LoadImageFromFile", imdecode_backend="pillow")
train_pipeline = [
    load_image,
    _base_.load_labels,
    _base_.resize,
    dict(
        type="RandomResize", scale=(320, 240), ratio_range=(0.67, 1.5), keep_ratio=True
    ),
    dict(type="RandomCrop", crop_size=(160, 208)),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
train_dataloader = dict(batch_size=4, sampler=dict(views=5, view_seed=0))
