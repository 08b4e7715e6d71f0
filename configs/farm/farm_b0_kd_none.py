# Experiment 0520 on a drawn farm: no position embedding, (1 - r) L_orig + r L_dist.
#   python tools/train.py configs/farm/farm_b0_kd_none.py --cfg-options fold=0
_base_ = "./farm_b0_kd.py"
experiment = "0520"
model = dict(
    distill_loss=dict(modulate="none"),
)
