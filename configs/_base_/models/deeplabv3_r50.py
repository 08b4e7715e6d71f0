# DeepLabV3-R50 (Chen et al., 2017), stride 8, with an auxiliary head, for 11 classes.
_base_ = "./fcn_r50.py"
model = dict(decode_head=dict(type="ASPPHead", dilations=(1, 12, 24, 36)))
