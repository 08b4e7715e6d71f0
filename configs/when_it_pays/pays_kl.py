# Distilled with KL (T 2, weight 1) in place of CWD.
#   CAMVID_ROOT=... python tools/train.py configs/when_it_pays/pays_kl.py
_base_ = "./pays_cwd.py"
model = dict(
    distill_loss=dict(terms=[dict(type="KLDLoss", temperature=2.0, weight=1.0)])
)
