# DeepLabV3+ EfficientNet-b0 on recyclable trash.
#   python tools/train.py configs/baselines/deeplabv3plus_effnet_b0_trash.py
# Needs segmentation_models.pytorch: pip install -e '.[smp]'
_base_ = "./deeplabv3plus_se_resnext50_trash.py"
model = dict(network=dict(encoder_name="efficientnet-b0"))
# Weights of the encoder that features do not need, without gradients.
model_wrapper_cfg = dict(find_unused_parameters=True)
