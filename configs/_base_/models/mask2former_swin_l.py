# Mask2Former (Cheng et al., CVPR 2022) with Swin-L by transformers, from COCO-panoptic
# weights, for 15 classes: 3x3 convolution of the 100 query masks to the classes.
#   pip install -e '.[transformers]'
_base_ = "./smp_deeplabv3plus.py"
_base_.model.pop("network")
model = dict(
    type="TransformersSegmentor",
    network=dict(pretrained="facebook/mask2former-swin-large-coco-panoptic"),
    resize_masks=False,  # logits are computed at the stride of the masks, 4
    decode_head=dict(
        type="TransformersHead", mask_conv=100, num_classes=15, out_channels=15
    ),
)
