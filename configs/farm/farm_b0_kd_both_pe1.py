# Experiment 0604 on a drawn farm: embedding x1.0, m ((1 - r) L_orig + r L_dist).
#   python tools/train.py configs/farm/farm_b0_kd_both_pe1.py --cfg-options fold=0
_base_ = "./farm_b0_kd_pe1.py"
experiment = "0604"
model = dict(
    distill_loss=dict(modulate="both"),
)
