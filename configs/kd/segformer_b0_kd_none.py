# Experiment 0520: no position embedding, (1 - r) L_orig + r L_dist.
#   python tools/train.py configs/kd/segformer_b0_kd_none.py
_base_ = "./segformer_b0_kd.py"
experiment = "0520"
model = dict(
    distill_loss=dict(modulate="none"),
)
