# The demo's teacher: segformer_b1_pond.py with cross-entropy.
#   python tools/train.py configs/demo/segformer_b1_ce_pond.py
_base_ = "./segformer_b1_pond.py"
model = dict(decode_head=dict(loss_decode=dict(gamma=0.0)))
