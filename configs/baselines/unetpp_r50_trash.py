# U-Net++ R50 on recyclable trash.
#   python tools/train.py configs/baselines/unetpp_r50_trash.py
# Needs segmentation_models.pytorch: pip install -e '.[smp]'
_base_ = "./deeplabv3plus_se_resnext50_trash.py"
model = dict(network=dict(arch="unetplusplus", encoder_name="resnet50"))
