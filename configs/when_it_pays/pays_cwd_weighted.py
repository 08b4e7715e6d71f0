# The loss of pays_cwd.py with the class-weighted cross-entropy of pays_ce_weighted.py.
#   CAMVID_ROOT=... python tools/train.py configs/when_it_pays/pays_cwd_weighted.py
_base_ = ["./pays_cwd.py", "../_base_/losses/camvid_class_weights.py"]
model = dict(distill_loss=dict(class_weight=_base_.pop("class_weight")))
