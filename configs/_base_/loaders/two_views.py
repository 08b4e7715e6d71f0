# Two augmented views of each frame of the training part, for pretraining without labels:
# those of BYOL, with crops of at least a fifth of the frame, since splashes are small.
# Frames of validation and test are not read, nor any label: the parts must be those of the
# training that follows.
data_root = "{{$SPLASHKD_DATA_ROOT:data/splash}}"
split_table = ""
fold = None
ratios = (0.7, 0.2, 0.1)
embargo = 0
view_size = 224  # pixels, height and width


def view(blur, solarize):
    return [
        dict(
            type="mmpretrain.RandomResizedCrop",
            scale=view_size,
            crop_ratio_range=(0.2, 1.0),
        ),
        dict(type="RandomFlip", prob=0.5),
        dict(
            type="RandomApply",
            transforms=[
                dict(
                    type="mmpretrain.ColorJitter",
                    brightness=0.4,
                    contrast=0.4,
                    saturation=0.2,
                    hue=0.1,
                    backend="cv2",  # the default warns of its own call
                )
            ],
            prob=0.8,
        ),
        dict(
            type="RandomGrayscale",
            prob=0.2,
            keep_channels=True,
            channel_weights=(0.114, 0.587, 0.2989),
        ),
        dict(
            type="mmpretrain.GaussianBlur",
            magnitude_range=(0.1, 2.0),
            magnitude_std="inf",
            prob=blur,
        ),
        dict(type="mmpretrain.Solarize", thr=128, prob=solarize),
    ]


train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="ViewSampler", shuffle=True),
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="ViewDataset",
        dataset=dict(
            type="TimeSplitDataset",
            split="train",
            data_root=data_root,
            data_prefix=dict(img_path="images", seg_map_path="labels"),
            split_table=split_table,
            fold=fold,
            ratios=ratios,
            embargo=embargo,
            unlabelled="include",
            check_labels=False,
            pipeline=[
                dict(type="LoadImageFromFile"),
                dict(
                    type="mmpretrain.MultiView",
                    num_views=[1, 1],
                    transforms=[view(1.0, 0.0), view(0.1, 0.2)],
                ),
                dict(type="mmpretrain.PackInputs"),
            ],
        ),
    ),
)
