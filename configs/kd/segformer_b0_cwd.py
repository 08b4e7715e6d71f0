# What configs/study speaks for: focal loss and CWD, no position embedding, no modulation.
#   python tools/train.py configs/kd/segformer_b0_cwd.py
# The teacher comes first: python tools/train.py configs/kd/segformer_b4.py
_base_ = "./segformer_b0_kd.py"
experiment = None  # none of the record's
model = dict(
    distill_loss=dict(
        modulate="none", terms=[dict(type="CWDLoss", temperature=4.0, weight=3.0)]
    ),
)
