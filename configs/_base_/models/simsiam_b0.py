# SimSiam (Chen and He, CVPR 2021) by mmpretrain, for the encoder of SegFormer-B0: BYOL
# without a second network.
_base_ = "./byol_b0.py"
projector = dict(
    _base_.projector, num_layers=3, with_last_bn=True, with_last_bn_affine=False
)
