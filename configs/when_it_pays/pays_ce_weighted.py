# Class-weighted cross-entropy without a teacher: median frequency balancing (Eigen and
# Fergus, ICCV 2015) on the training part, as README.md computes it.
#   CAMVID_ROOT=... python tools/train.py configs/when_it_pays/pays_ce_weighted.py
_base_ = ["./pays_ce.py", "../_base_/losses/camvid_class_weights.py"]
model = dict(
    decode_head=dict(loss_decode=dict(class_weight=_base_.pop("class_weight"))),
)
