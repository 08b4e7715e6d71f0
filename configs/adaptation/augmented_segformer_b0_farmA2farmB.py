# Source only, with stronger changes of light and colour: what needs no frame of farm B.
#   python tools/train.py configs/adaptation/augmented_segformer_b0_farmA2farmB.py
_base_ = "./source_segformer_b0_farmA2farmB.py"
_base_.train_dataloader.dataset.dataset.pipeline[4].update(  # PhotoMetricDistortion
    brightness_delta=64,
    contrast_range=(0.4, 1.6),
    saturation_range=(0.4, 1.6),
    hue_delta=36,
)
