# Experiment 0627 on a drawn farm: embedding x0.01, (1 - r) L_orig + r m L_dist.
#   python tools/train.py configs/farm/farm_b0_kd_pe001.py --cfg-options fold=0
_base_ = "./farm_b0_kd.py"
experiment = "0627"
model = dict(
    student=dict(decode_head=dict(type="PositionalSegformerHead", ratio=0.01)),
)
