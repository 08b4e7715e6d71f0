# U-Net EfficientNet-b0 on recyclable trash.
#   python tools/train.py configs/baselines/unet_effnet_b0_trash.py
# Needs segmentation_models.pytorch: pip install -e '.[smp]'
_base_ = "./deeplabv3plus_effnet_b0_trash.py"
model = dict(network=dict(arch="unet"))
