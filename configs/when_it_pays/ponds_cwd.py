# Distilled with CWD (T 4, weight 3) in place of KL.
#   python tools/cache_teacher.py configs/when_it_pays/ponds_kl.py
#   python tools/train.py configs/when_it_pays/ponds_cwd.py
_base_ = "./ponds_kl.py"
model = dict(
    distill_loss=dict(terms=[dict(type="CWDLoss", temperature=4.0, weight=3.0)])
)
