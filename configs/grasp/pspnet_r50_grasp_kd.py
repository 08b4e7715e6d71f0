# PSPNet-R50 on depth alone, from PSPNet-R101 on colours: both regress grasps.
#   python tools/train.py configs/grasp/pspnet_r50_grasp_kd.py
# Train the teacher first: python tools/train.py configs/grasp/pspnet_r101_grasp.py
_base_ = "./pspnet_r101_grasp.py"
for each in (
    _base_.test_pipeline,
    _base_.train_dataloader.dataset.pipeline,
    _base_.val_dataloader.dataset.pipeline,
    _base_.test_dataloader.dataset.pipeline,
):
    each.insert(1, dict(type="AppendImage"))  # depth, in millimetres
small = dict(_base_.model.backbone, depth=50)
small["init_cfg"] = dict(type="Pretrained", checkpoint="open-mmlab://resnet50_v1c")
student = dict(
    _base_.model,
    data_preprocessor=dict(
        type="MultiChannelPreProcessor",
        mean=[123.675, 116.28, 103.53, 985.0],
        std=[58.395, 57.12, 57.375, 25.0],
        bgr_to_rgb=True,
        size_divisor=1,
        seg_pad_val=0,
    ),
    backbone=dict(type="ChannelAdapter", in_channels=1, take=[3], backbone=small),
)
model = dict(
    _delete_=True,
    type="DistillRegressor",
    student=student,
    teacher=_base_.model,
    teacher_checkpoint="work_dirs/pspnet_r101_grasp_[0-9]*/weights_*_best.safetensors",
    distill_loss=dict(type="RegressionKDLoss", teacher_ratio=0.5),
)
