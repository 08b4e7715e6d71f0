# U-Net EfficientNet-b4 on recyclable trash.
#   python tools/train.py configs/baselines/unet_effnet_b4_trash.py
# Needs segmentation_models.pytorch: pip install -e '.[smp]'
_base_ = "./unet_effnet_b0_trash.py"
model = dict(network=dict(encoder_name="efficientnet-b4"))
