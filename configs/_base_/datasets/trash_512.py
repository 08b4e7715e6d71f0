# Recyclable trash, 512x512, 11 classes with the background. data_root: folder of
# frames.csv and of its paths. Normalisation (ImageNet mean and std, which is better
# than division by 255) is in the model's data_preprocessor.
_base_ = "../loaders/time_split.py"
data_root = "{{$TRASH_DATA_ROOT:data/trash}}"
size = (512, 512)

# Flips, rotation by 90 degrees, blur and noise, optical distortion and, with the largest
# effect, elastic distortion raised the score (LB .6006). GridDropout with GridDistortion
# lowered it (.5759); weather, brightness and CLAHE had no clear effect. They are omitted.
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadGrayLabels"),
    dict(_base_.resize, scale=size),
    dict(type="RandomFlip", prob=[0.25, 0.25], direction=["horizontal", "vertical"]),
    dict(
        type="Albumentations",  # pixels from outside the frame are ignored (255)
        transforms=[
            dict(type="RandomRotate90", p=0.5),
            dict(
                type="OneOf",
                p=0.5,
                transforms=[
                    dict(type="ElasticTransform", alpha=120, sigma=6),  # about 6 px
                    dict(type="OpticalDistortion"),
                ],
            ),
            dict(
                type="OneOf",
                p=0.3,
                transforms=[
                    dict(type="MotionBlur"),
                    dict(type="GaussianBlur"),
                    dict(type="GaussNoise", std_range=(0.02, 0.1)),
                ],
            ),
        ],
    ),
    dict(type="CheckShapes"),
    dict(type="PackSegInputs"),
]
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=size)
test_pipeline.insert(3, dict(type="CheckShapes", labels_at="ori_shape"))
tta_pipeline = _base_.tta_pipeline
tta_pipeline[1]["transforms"][0][0].update(scale=size)

common = dict(data_root=data_root, split_table="frames.csv", label_coding="trash")
train_dataloader = dict(
    batch_size=16, dataset=dict(dataset=dict(pipeline=train_pipeline, **common))
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, **common))
# The official test frames have no labels: test on the validation part.
test_dataloader = dict(dataset=dict(split="val", pipeline=test_pipeline, **common))
