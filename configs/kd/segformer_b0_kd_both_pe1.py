# Experiment 0604: embedding x1.0, m ((1 - r) L_orig + r L_dist).
#   python tools/train.py configs/kd/segformer_b0_kd_both_pe1.py
_base_ = "./segformer_b0_kd_pe1.py"
experiment = "0604"
model = dict(
    distill_loss=dict(modulate="both"),
)
