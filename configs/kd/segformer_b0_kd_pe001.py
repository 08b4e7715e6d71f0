# Experiment 0627: embedding x0.01, (1 - r) L_orig + r m L_dist.
#   python tools/train.py configs/kd/segformer_b0_kd_pe001.py
_base_ = "./segformer_b0_kd.py"
experiment = "0627"
model = dict(
    student=dict(decode_head=dict(type="PositionalSegformerHead", ratio=0.01)),
)
