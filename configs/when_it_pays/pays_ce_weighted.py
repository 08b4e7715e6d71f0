# Class-weighted cross-entropy without a teacher: median frequency balancing (Eigen and
# Fergus, ICCV 2015) on the training part, as README.md computes it.
#   CAMVID_ROOT=... python tools/train.py configs/when_it_pays/pays_ce_weighted.py
_base_ = "./pays_ce.py"
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
model = dict(decode_head=dict(loss_decode=dict(class_weight=class_weight)))
