# The best loss of configs/study: focal loss and CWD, no position embedding, no modulation.
#   python tools/train.py configs/kd/segformer_b0_cwd.py
# Train the teacher first: python tools/train.py configs/kd/segformer_b4.py
_base_ = "./segformer_b0_kd.py"
experiment = None  # not one of the original experiments
model = dict(
    distill_loss=dict(
        modulate="none", terms=[dict(type="CWDLoss", temperature=4.0, weight=3.0)]
    ),
)
