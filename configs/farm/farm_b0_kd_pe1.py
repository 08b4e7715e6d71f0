# Experiment 0621 on a drawn farm: embedding x1.0, (1 - r) L_orig + r m L_dist.
#   python tools/train.py configs/farm/farm_b0_kd_pe1.py --cfg-options fold=0
_base_ = "./farm_b0_kd.py"
experiment = "0621"
model = dict(
    student=dict(decode_head=dict(type="PositionalSegformerHead", ratio=1.0)),
)
