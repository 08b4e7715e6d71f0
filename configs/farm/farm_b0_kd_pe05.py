# Experiment 0610 on a drawn farm: embedding x0.5, (1 - r) L_orig + r m L_dist.
#   python tools/train.py configs/farm/farm_b0_kd_pe05.py --cfg-options fold=0
_base_ = "./farm_b0_kd.py"
experiment = "0610"
model = dict(
    student=dict(decode_head=dict(type="PositionalSegformerHead", ratio=0.5)),
)
