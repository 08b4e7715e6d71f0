# PSPNet-R101 that regresses position, cos, sin and width of grasps.
_base_ = "./pspnet_r101.py"
model = dict(
    type="DepthEstimator",  # MMSegmentation's segmentor for dense regression
    data_preprocessor=dict(seg_pad_val=0),  # of the maps: no grasp
    decode_head=dict(
        type="PSPRegressionHead",
        num_classes=4,
        out_channels=4,
        loss_decode=dict(_delete_=True, type="SmoothL1MapsLoss"),
    ),
    auxiliary_head=None,
)
