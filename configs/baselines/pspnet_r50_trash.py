# PSPNet-R50 on recyclable trash.
#   python tools/train.py configs/baselines/pspnet_r50_trash.py
_base_ = "./fcn_r50_trash.py"
model = dict(decode_head=dict(type="PSPHead", pool_scales=(1, 2, 3, 6)))
