# Mask2Former Swin-L on natural scenes, collection 1: only the transformer module and what
# follows it is trained; 1.0 focal and 0.5 Dice loss, learning rate by validation loss.
#   python tools/train.py configs/baselines/mask2former_swin-l.py
# Needs transformers: pip install -e '.[transformers]'
_base_ = [
    "../_base_/models/mask2former_swin_l.py",
    "../_base_/datasets/scenes_15.py",
    "../_base_/schedules/adamw_plateau_20k.py",
    "../_base_/default_runtime.py",
]
model = dict(
    decode_head=dict(
        loss_decode=[
            dict(type="SoftmaxFocalLoss", gamma=2.0, loss_weight=1.0),
            dict(type="DiceLoss", use_sigmoid=False, loss_weight=0.5),
        ]
    )
)
train_dataloader = dict(batch_size=2)
# The transformer module has five children; the class predictor and the convolution of the
# masks come after it.
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type="FreezeHook", trained=["transformer_module", "class_predictor", "conv_seg"]
    ),
]
model_wrapper_cfg = dict(find_unused_parameters=True)  # the class predictor has no loss
default_hooks = dict(checkpoint=dict(save_best="mIoU"))
