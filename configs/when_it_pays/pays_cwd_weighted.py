# The loss of pays_cwd.py with the class-weighted cross-entropy of pays_ce_weighted.py.
#   CAMVID_ROOT=... python tools/train.py configs/when_it_pays/pays_cwd_weighted.py
_base_ = "./pays_cwd.py"
class_weight = [
    0.279,
    0.202,
    4.789,
    0.149,
    1.0,
    0.424,
    3.846,
    1.98,
    0.789,
    6.385,
    8.819,
]
model = dict(distill_loss=dict(class_weight=class_weight))
