# The demo's plain student: segformer_b0_pond.py with cross-entropy.
#   python tools/train.py configs/demo/segformer_b0_ce_pond.py
_base_ = "./segformer_b0_pond.py"
model = dict(decode_head=dict(loss_decode=dict(gamma=0.0)))
