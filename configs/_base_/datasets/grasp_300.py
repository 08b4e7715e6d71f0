# Grasps in frames of 300x300, in colours: images and grasps of data_root, with depth
# beside them (see configs/grasp/README.md). Rectangles as in the Cornell data set.
data_root = "{{$GRASP_DATA_ROOT:data/grasp}}"
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomFlip", prob=[0.25, 0.25], direction=["horizontal", "vertical"]),
    dict(type="LoadGraspMaps"),
    dict(type="PackGraspInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadGraspMaps"),
    dict(type="PackGraspInputs"),
]


def frames(part, pipeline):
    return dict(
        type="GraspDataset",
        data_root=data_root,
        data_prefix=dict(img_path=f"images/{part}", grasp_path=f"grasps/{part}"),
        pipeline=pipeline,
    )


train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=frames("train", train_pipeline),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=frames("val", test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="GraspMetric")
test_evaluator = val_evaluator
